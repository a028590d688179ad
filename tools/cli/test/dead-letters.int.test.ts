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
/** Holds a key that nobody has declared yet. */
let late: KafkaUser;
let responses: TopicReader<InferenceResponded>;
let offsets: KafkaTopicOffsets;
const lateSecret = randomBytes(16).toString("hex");
const folder = mkdtempSync(join(tmpdir(), "sluice-letters-"));
const garbage = randomBytes(40);
const question = aRequest({
  requestId: randomUUID(),
  messages: [
    {
      role: "user",
      content: "canary of the late",
      parts: null,
      name: null,
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
  await late.request(question, { "x-note": "kept" });
  await late.send(garbage, { evil: "\u001b[31mred" }, "garbage\u0007");
  const letters = await late.readDeadLetters(topics.inferenceRequested);
  await letters.until(() => true, 2);
});

afterAll(async () => {
  await late?.close();
  await offsets?.close();
  await pipeline?.stop();
  rmSync(folder, { recursive: true });
});

async function list(...filter: readonly string[]): Promise<readonly Listed[]> {
  const found: unknown = await sluice.json("dead-letters", "list", ...filter);
  if (!Array.isArray(found)) throw new Error("It is no list.");
  return found;
}

async function positionOf(code: string): Promise<string> {
  return (await list("--code", code)).at(-1)?.position ?? "";
}

/** Messages that were ever put on the request topic. */
async function requestedCount(): Promise<bigint> {
  const ends = await offsets.endOffsets(topics.inferenceRequested.name);
  return [...ends.values()].reduce((sum, end) => sum + end, 0n);
}

test("what could not be handled is listed with code, stage, time, and the request where it can be read", async () => {
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

test("the list is filtered by topic and by code, and never longer than its limit", async () => {
  expect(await list("--topic", "inference.requested")).toHaveLength(2);
  expect(await list("--topic", "cost.metered")).toEqual([]);
  expect(await list("--code", "INTAKE_SIGNATURE_WRONG")).toHaveLength(1);
  expect(await list("--code", "NONE")).toEqual([]);
  const { stdout, stderr } = await sluice.run("dead-letters", "list", "--limit", "1", "--json");
  expect(JSON.parse(stdout)).toHaveLength(1);
  expect(stderr).toContain("1 older ones match as well");
  const { code, stderr: complaint } = await sluice.run("dead-letters", "list", "--topic", "x");
  expect(code).toBe(2);
  expect(complaint).toContain('There is no topic "x" with dead letters; there are inference.');
});

test("one is shown without its content, and with it on demand alone", async () => {
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

test("the original bytes are given as they came, and a stranger's text moves no cursor", async () => {
  const [letter] = (await list()).filter(({ requestId }) => requestId === null);
  const position = letter?.position ?? "";
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
  expect(decoded.stderr).toContain("--value gives its bytes");
});

test("what is not there is said", async () => {
  const { code, stderr } = await sluice.run("dead-letters", "show", "cost.metered/0/99");
  expect(code).toBe(1);
  expect(stderr).toContain("Nothing stands at cost.metered/0/99");
});

test("nothing is replayed by a dry run, nor without a terminal to ask on", async () => {
  const before = await requestedCount();
  const dry = await sluice.json("dead-letters", "replay", "--all", "--dry-run");
  expect(dry).toMatchObject({ matching: 2, isSent: false });
  const refused = await sluice.run("dead-letters", "replay", "--all");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("give --yes");
  expect((await sluice.run("dead-letters", "replay", "--yes")).code).toBe(2);
  expect(await requestedCount()).toBe(before);
});

test("garbage that is replayed becomes a dead letter again, once, with its bytes", async () => {
  const before = await requestedCount();
  const [letter] = (await list()).filter(({ requestId }) => requestId === null);
  const replayed = await sluice.json("dead-letters", "replay", letter?.position ?? "", "--yes");
  expect(replayed).toMatchObject({ matching: 1, isSent: true });
  await expect.poll(async () => (await list()).length, { timeout: 30_000 }).toBe(3);
  const [newest] = await list("--limit", "1");
  expect(newest).toMatchObject({ code: letter?.code, valueBytes: garbage.length });
  expect(newest?.position).not.toBe(letter?.position);
  expect(await requestedCount()).toBe(before + 1n);
});

test("once its cause is mended a dead letter is replayed and answered, and paid once however often", async () => {
  const declared = join(pipeline.dataDir, "sluice.yaml");
  const text = readFileSync(declared, "utf8");
  writeFileSync(join(pipeline.dataDir, "secrets", "late-key"), lateSecret);
  const key =
    "    keys:\n      - { id: late, secret: 'file:secrets/late-key', team: late, feature: late, user: late }\n";
  writeFileSync(declared, text.replace("    keys:\n", key));
  await pipeline.restart("ingress");

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
