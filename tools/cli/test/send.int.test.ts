import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatUsd, parseUsd } from "@sluice/domain";
import { findFreePorts } from "@sluice/local-stack";
import { controlSimulator, fetchBill, Pipeline } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CommandLine } from "./command-line.ts";

interface Result {
  readonly line: number;
  readonly id?: string;
  readonly kind: string;
  readonly code?: string;
  readonly requestId?: string;
  readonly cache?: string;
  readonly costUsd?: string;
}

let pipeline: Pipeline;
let sluice: CommandLine;
const folder = mkdtempSync(join(tmpdir(), "sluice-send-"));

beforeAll(async () => {
  pipeline = await Pipeline.start({ environment: { SLUICE_SIMULATOR_SPEED: "5" } });
  sluice = new CommandLine(pipeline);
});

afterAll(async () => {
  await pipeline.stop();
  rmSync(folder, { recursive: true });
});

function fileOf(name: string, ...lines: readonly (object | string)[]): string {
  const file = join(folder, name);
  const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  writeFileSync(file, `${texts.join("\n")}\n`);
  return file;
}

function resultsIn(jsonl: string): readonly Result[] {
  return jsonl
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Result => JSON.parse(line));
}

function costOf(results: readonly Result[]): bigint {
  return results.reduce((sum, { costUsd = "0" }) => sum + (parseUsd(costUsd) ?? 0n), 0n);
}

/** Sets the behaviour of the simulator. */
async function script(rules: object): Promise<void> {
  const body = JSON.stringify(rules);
  const { ok } = await controlSimulator(pipeline.simulator, "/script", { method: "POST", body });
  expect(ok).toBe(true);
}

/** Returns prompts with a temperature at which nothing is cached, so that a second call would be paid. */
function prompts(count: number, about: string): readonly object[] {
  return Array.from({ length: count }, (_, at) => ({
    prompt: `Fact ${at} about ${about}`,
    temperature: 1,
  }));
}

test("the answer to one prompt is the only text on standard output", async () => {
  const { code, stdout, stderr } = await sluice.run("send", "What is a sluice gate?");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\[simulated\] [^\n]+\n$/);
  expect(stderr).toBe("");
});

test("the prompt - is read from standard input", async () => {
  const { code, stdout } = await sluice.start(["send", "-"], "What is a lock?").ended;
  expect(code).toBe(0);
  expect(stdout).toContain("[simulated]");
});

test("a streamed answer has the same text as a whole answer", async () => {
  const { stdout: whole } = await sluice.run("send", "What is a weir?", "--model", "premium");
  const streamed = sluice.start(["send", "What is a weir?", "--model", "premium", "--stream"]);
  expect(await streamed.ended).toMatchObject({ code: 0, stdout: whole, stderr: "" });
});

test("the tokens of a miss are printed as they arrive", async () => {
  // Slow enough that a busy machine does not receive all tokens at once. The pipeline runs five times as fast.
  await script({ models: { "sim-premium": { firstByteMs: 0, tokensPerSecond: 10 } } });
  const streamed = sluice.start(["send", "What is a dam?", "--model", "premium", "--stream"]);
  const parts: string[] = [];
  streamed.child.stdout?.on("data", (text: string) => parts.push(text));
  expect(await streamed.ended).toMatchObject({ code: 0 });
  await controlSimulator(pipeline.simulator, "/script", { method: "DELETE" });
  expect(parts.length).toBeGreaterThan(5);
});

test("with --json, an answer has its exact cost and the OpenAI body", async () => {
  expect(await sluice.json("send", "What is a ford?", "--model", "sim-standard")).toMatchObject({
    kind: "answered",
    cache: "miss",
    tier: "standard",
    model: "sim-standard",
    requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
    costUsd: expect.stringMatching(/^0\.\d{2,9}$/),
    response: { object: "chat.completion", choices: [{ finish_reason: "stop" }] },
  });
});

test("a declined request is reported on standard error with its code, and the exit code is 1", async () => {
  const { code, stdout, stderr } = await sluice.run("send", "Hi", "--model", "no-such-model");
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^Declined: .*\(model_not_found\)\n$/);
});

test("an edge that does not answer is named when the retries are used up", async () => {
  const [port] = await findFreePorts(1);
  const { code, stderr } = await sluice.run("send", "Hi", "--url", `http://127.0.0.1:${port}`);
  expect(code).toBe(1);
  expect(stderr).toContain(`Failed: http://127.0.0.1:${port} does not answer (ECONNREFUSED).`);
});

test("every line of a file has a result, a failed line does not end the run, and the cost equals the bill", async () => {
  const before = await fetchBill(pipeline.simulator);
  const file = fileOf(
    "mixed.jsonl",
    ...prompts(10, "rivers"),
    "",
    { id: "gone", prompt: "x", model: "no-such-model" },
    { id: 7, messages: [{ role: "user", content: "Hello" }], temperature: 1 },
    { id: "odd", prompt: "x", no_such_parameter: 1 },
  );
  const output = join(folder, "mixed.out");
  const args = ["send", "--file", file, "--output", output, "--concurrency", "4", "--json"];
  const { code, stdout, stderr } = await sluice.run(...args);
  expect(stderr).toBe("");
  expect(code).toBe(1);

  const results = resultsIn(readFileSync(output, "utf8")).toSorted((a, b) => a.line - b.line);
  expect(results.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14]);
  expect(results.slice(10)).toMatchObject([
    { id: "gone", kind: "declined", code: "model_not_found" },
    { id: "7", kind: "answered" },
    { id: "odd", kind: "declined", code: "unknown_parameter" },
  ]);
  const bill = await fetchBill(pipeline.simulator);
  const billed = bill.totalNanoUsd - before.totalNanoUsd;
  expect(costOf(results)).toBe(billed);
  expect(JSON.parse(stdout)).toMatchObject({
    lines: 13,
    answered: 11,
    declined: 2,
    failed: 0,
    unfinished: 0,
    hits: 0,
    costNanoUsd: String(billed),
  });
});

test("without --output, results are on standard output and the summary is on standard error", async () => {
  const file = fileOf("plain.jsonl", { prompt: "One" }, { prompt: "Two" });
  const { code, stdout, stderr } = await sluice.run("send", "--file", file);
  expect(code).toBe(0);
  expect(resultsIn(stdout)).toHaveLength(2);
  expect(stderr).toMatch(
    /answered +2 of 2 .*\n.*declined +0\n.*failed +0\n.*cost +\$0\.\d+\n.*P50/,
  );
});

test("if a file is sent again after Ctrl-C, each line is paid once", async () => {
  const before = await fetchBill(pipeline.simulator);
  const file = fileOf("resumed.jsonl", ...prompts(40, "canals"));
  const output = join(folder, "resumed.out");
  const args = ["send", "--file", file, "--output", output, "--concurrency", "4"];

  const first = sluice.start(args);
  const written = () => (existsSync(output) ? resultsIn(readFileSync(output, "utf8")).length : 0);
  await expect.poll(written, { timeout: 30_000, interval: 20 }).toBeGreaterThan(8);
  first.child.kill("SIGINT");
  const interrupted = await first.ended;
  expect(interrupted.code).toBe(130);
  expect(interrupted.stderr).toContain("unfinished");
  const early = resultsIn(readFileSync(output, "utf8"));
  expect(early.length).toBeLessThan(40);

  expect(await sluice.run(...args)).toMatchObject({ code: 0 });
  const results = resultsIn(readFileSync(output, "utf8"));
  expect(results.filter(({ kind }) => kind === "answered")).toHaveLength(40);
  for (const each of early)
    expect(results).toContainEqual({ ...each, latencyMs: expect.any(Number) });

  const bill = await fetchBill(pipeline.simulator);
  const attempts = [...bill.attempts].filter(([id]) => !before.attempts.has(id));
  expect(attempts).toHaveLength(40);
  expect(attempts.filter(([, { calls }]) => calls !== 1)).toEqual([]);
  expect(costOf(results)).toBe(bill.totalNanoUsd - before.totalNanoUsd);

  expect(await sluice.run(...args)).toMatchObject({ code: 0 });
  expect((await fetchBill(pipeline.simulator)).attempts.size).toBe(bill.attempts.size);
  expect(await sluice.run(...args, "--round", "2")).toMatchObject({ code: 0 });
  expect((await fetchBill(pipeline.simulator)).attempts.size).toBe(bill.attempts.size + 40);
});

test("malformed lines are named by their numbers, and nothing is sent", async () => {
  const before = await fetchBill(pipeline.simulator);
  const file = fileOf(
    "bad.jsonl",
    { prompt: "fine" },
    "{ not json",
    { messages: [] },
    { prompt: 3 },
  );
  const { code, stdout, stderr } = await sluice.run("send", "--file", file);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/line 2: .*not a JSON.*\n.*line 3: "messages".*\n.*line 4: "prompt"/);
  expect((await fetchBill(pipeline.simulator)).attempts.size).toBe(before.attempts.size);
});

test("the costs in the CSV add up to the provider's bill", async () => {
  const { totalNanoUsd } = await fetchBill(pipeline.simulator);
  const csv = async () =>
    (await sluice.run("costs", "--by", "team,tier", "--format", "csv")).stdout.split("\r\n");
  await expect
    .poll(
      async () => {
        const [, ...rows] = await csv();
        const cells = rows.filter((row) => row !== "").map((row) => row.split(","));
        return formatUsd(cells.reduce((sum, row) => sum + (parseUsd(row[13] ?? "") ?? 0n), 0n));
      },
      { timeout: 30_000, interval: 500 },
    )
    .toBe(formatUsd(totalNanoUsd));
  const [head] = await csv();
  expect(head).toMatch(
    /^team,tier,requests,attempts,hits,.*,spendUsd,savedUsd,cacheWriteHourTokens$/,
  );
});

test("costs --json prints the accountant's own response", async () => {
  expect(await sluice.json("costs", "--by", "tenant")).toMatchObject({
    by: ["tenant"],
    rows: [{ dimensions: { tenant: "demo" }, spendNanoUsd: expect.stringMatching(/^\d+$/) }],
    truncated: false,
  });
  const { code, stderr } = await sluice.run("costs", "--by", "colour");
  expect(code).toBe(2);
  expect(stderr).toMatch(/There is no dimension "colour".*See "sluice help costs"/);
});
