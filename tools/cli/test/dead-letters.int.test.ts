import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type InferenceResponded, topics } from "@sluice/contracts";
import { KafkaTopicOffsets } from "@sluice/stage";
import { fetchBill, KafkaUser, Pipeline, stackAddresses, type TopicReader } from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CommandLine } from "./command-line.ts";

interface Listed {
  readonly position: string;
  readonly code: string | null;
  readonly requestId: string | null;
  readonly [member: string]: unknown;
}

let pipeline: Pipeline;
let sluice: CommandLine;
/** A user whose API key is not declared yet. */
let late: KafkaUser;
let responses: TopicReader<InferenceResponded>;
let offsets: KafkaTopicOffsets;
const lateSecret = randomBytes(16).toString("hex");
const folder = mkdtempSync(join(tmpdir(), "sluice-dead-letters-"));
const garbage = randomBytes(40);
const question = aRequest({
  requestId: randomUUID(),
  messages: [
    {
      role: "user",
      content: "canary of the late",
      parts: null,
      name: null,
      members: null,
      toolCalls: null,
      toolCallId: null,
    },
  ],
});

beforeAll(async () => {
  pipeline = await Pipeline.start({ environment: { SLUICE_SIMULATOR_SPEED: "50" } });
  sluice = new CommandLine(pipeline);
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix } = pipeline;
  const apiKey = `sk-sluice-late-${lateSecret}`;
  late = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  responses = await late.read(topics.inferenceResponded);
  offsets = new KafkaTopicOffsets({ brokers, topicPrefix, clientId: "suite" });
  // So old that only an operator can have it accepted.
  const value = await late.encode(topics.inferenceRequested, question);
  const signature = late.signatureOf(value, Date.now() - 48 * 60 * 60_000);
  await late.send(value, { ...signature, "x-note": "kept" }, question.requestId);
  await late.send(garbage, { evil: "\u001b[31mred" }, "garbage\u0007");
  const deadLetters = await late.readDeadLetters(topics.inferenceRequested);
  await deadLetters.until(() => true, 2);
});

afterAll(async () => {
  await late?.close();
  await offsets?.close();
  await pipeline?.stop();
  rmSync(folder, { recursive: true });
});

async function list(...filter: readonly string[]): Promise<readonly Listed[]> {
  const found: unknown = await sluice.json("dead-letters", "list", ...filter);
  if (!Array.isArray(found)) throw new Error("The output is not a list.");
  return found;
}

async function positionOf(code: string): Promise<string> {
  return (await list("--code", code)).at(-1)?.position ?? "";
}

/** The number of messages that were ever written to the request topic. */
async function requestedCount(): Promise<bigint> {
  const ends = await offsets.endOffsets(topics.inferenceRequested.name);
  return [...ends.values()].reduce((sum, end) => sum + end, 0n);
}

test("dead letters are listed with code, stage and time, and with the request id if they can be decoded", async () => {
  expect(await list()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        position: expect.stringMatching(/^inference\.requested\/\d\/\d+$/),
        topic: "inference.requested",
        offset: expect.stringMatching(/^\d+$/),
        code: "INTAKE_SIGNATURE_WRONG",
        stage: expect.stringContaining("intake"),
        deadLetteredAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        requestId: question.requestId,
      }),
      expect.objectContaining({ requestId: null, valueBytes: garbage.length }),
    ]),
  );
  const { stdout, code } = await sluice.run("dead-letters", "list");
  expect(code).toBe(0);
  expect(stdout).toContain(`request ${question.requestId}`);
  expect(stdout).not.toContain("canary");
});

test("the list can be filtered by topic and by code, and is never longer than its limit", async () => {
  expect(await list("--topic", "inference.requested")).toHaveLength(2);
  expect(await list("--topic", "cost.metered")).toEqual([]);
  expect(await list("--code", "INTAKE_SIGNATURE_WRONG")).toHaveLength(1);
  expect(await list("--code", "NONE")).toEqual([]);
  const { stdout, stderr } = await sluice.run("dead-letters", "list", "--limit", "1", "--json");
  expect(JSON.parse(stdout)).toHaveLength(1);
  expect(stderr).toContain("Older dead letters that also match: 1.");
  const { code, stderr: message } = await sluice.run("dead-letters", "list", "--topic", "x");
  expect(code).toBe(2);
  expect(message).toContain('There is no topic "x" with dead letters. Choose one of inference.');
});

test("one dead letter is shown without its content, unless --decode is given", async () => {
  const position = await positionOf("INTAKE_SIGNATURE_WRONG");
  const shown = await sluice.run("dead-letters", "show", position);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/code +INTAKE_SIGNATURE_WRONG\n/);
  expect(shown.stdout).toMatch(/x-note +kept\n/);
  expect(shown.stdout).not.toContain("canary");

  const decoded = await sluice.run("dead-letters", "show", position, "--decode");
  expect(decoded.stdout).toContain("canary of the late");
  expect(await sluice.json("dead-letters", "show", position, "--decode")).toMatchObject({
    record: { requestId: question.requestId, messages: [{ content: "canary of the late" }] },
    headers: { "x-note": "kept", "dead-letter-code": "INTAKE_SIGNATURE_WRONG" },
  });
});

test("--value writes the original bytes, and control characters are not printed", async () => {
  const [undecodable] = (await list()).filter(({ requestId }) => requestId === null);
  const position = undecodable?.position ?? "";
  const file = join(folder, "value");
  expect(await sluice.run("dead-letters", "show", position, "--value", file)).toMatchObject({
    code: 0,
    stdout: "",
  });
  expect(readFileSync(file).equals(garbage)).toBe(true);
  const shown = await sluice.run("dead-letters", "show", position);
  expect(shown.stdout).toContain("[31mred");
  expect(shown.stdout).not.toContain("\u001b");
  const decoded = await sluice.run("dead-letters", "show", position, "--decode");
  expect(decoded.code).toBe(1);
  expect(decoded.stderr).toContain("Use --value to get its original bytes");
});

test("a position without a dead letter is reported", async () => {
  const { code, stderr } = await sluice.run("dead-letters", "show", "cost.metered/0/99");
  expect(code).toBe(1);
  expect(stderr).toContain("There is no dead letter at cost.metered/0/99.");
});

test("a dry run replays nothing, and neither does a run without --yes and without a terminal", async () => {
  const before = await requestedCount();
  const dry = await sluice.run("dead-letters", "replay", "--all", "--dry-run", "--json");
  expect(JSON.parse(dry.stdout)).toMatchObject({ matching: 2, isSent: false });
  expect(dry.stderr).toContain(
    "within 5 minutes of their signature: 1. If you trust their senders, replay them with --code INTAKE_SIGNATURE_WRONG.",
  );
  const refused = await sluice.run("dead-letters", "replay", "--all");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("Pass --yes");
  expect((await sluice.run("dead-letters", "replay", "--yes")).code).toBe(2);
  expect(await requestedCount()).toBe(before);
});

test("a replayed message that is not decodable becomes a dead letter again once, with its bytes", async () => {
  const before = await requestedCount();
  const [first] = (await list()).filter(({ requestId }) => requestId === null);
  const replayed = await sluice.json("dead-letters", "replay", first?.position ?? "", "--yes");
  expect(replayed).toMatchObject({ matching: 1, isSent: true });
  await expect.poll(async () => (await list()).length, { timeout: 30_000 }).toBe(3);
  const [newest] = await list("--limit", "1");
  expect(newest).toMatchObject({ code: first?.code, valueBytes: garbage.length });
  expect(newest?.position).not.toBe(first?.position);
  expect(await requestedCount()).toBe(before + 1n);
});

test("once its cause is fixed, a replayed dead letter is answered after two days, and is paid once even if replayed twice", async () => {
  const declared = join(pipeline.dataDir, "sluice.yaml");
  const text = readFileSync(declared, "utf8");
  writeFileSync(join(pipeline.dataDir, "secrets", "late-key"), lateSecret);
  const key =
    "    keys:\n      - { id: late, secret: 'file:secrets/late-key', team: late, feature: late, user: late }\n";
  writeFileSync(declared, text.replace("    keys:\n", key));
  await pipeline.restart("ingress");

  // It was two days old when it arrived, so it may be a recording, and a replay of everything does not vouch for it.
  expect((await sluice.run("dead-letters", "replay", "--all", "--yes")).code).toBe(0);
  await expect
    .poll(() => list("--code", "INTAKE_SIGNATURE_STALE"), { timeout: 30_000 })
    .toMatchObject([{ requestId: question.requestId }]);

  const before = await fetchBill(pipeline.simulator);
  const replay = ["dead-letters", "replay", "--all", "--code", "INTAKE_SIGNATURE_WRONG", "--yes"];
  const { code, stdout } = await sluice.run(...replay);
  expect(code).toBe(0);
  expect(stdout).toContain("Sent 1.\n");
  const [response] = await responses.until(({ requestId }) => requestId === question.requestId);
  expect(response).toMatchObject({ outcome: "completed", attribution: { team: "late" } });

  await sluice.run(...replay);
  await responses.until(({ requestId }) => requestId === question.requestId, 2);
  const bill = await fetchBill(pipeline.simulator);
  expect(bill.attempts.size).toBe(before.attempts.size + 1);
  expect(await list("--code", "INTAKE_SIGNATURE_WRONG")).toHaveLength(1);
});
