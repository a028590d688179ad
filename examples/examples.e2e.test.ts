import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Pipeline, stackAddresses, startPipeline } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

/* These tests run each example as its README describes it, on a pipeline with the simulator. */

const root = dirname(import.meta.dirname);
const run = promisify(execFile);
/** `SLUICE_TEST_PYTHON` can name a Python that has the examples' packages. */
const python = process.env["SLUICE_TEST_PYTHON"] ?? "python3";

let pipeline: Pipeline;
let environment: NodeJS.ProcessEnv;
let folder: string;

beforeAll(async () => {
  pipeline = await startPipeline({ environment: { SLUICE_SIMULATOR_SPEED: "10" } });
  const { brokers, registryUrl } = stackAddresses();
  folder = mkdtempSync(join(tmpdir(), "sluice-examples-"));
  environment = {
    ...process.env,
    SLUICE_BASE_URL: `${pipeline.http}/v1`,
    SLUICE_API_KEY: pipeline.demoKey,
    SLUICE_KAFKA_BROKERS: brokers.join(","),
    SLUICE_KAFKA_TOPIC_PREFIX: pipeline.topicPrefix,
    SLUICE_REGISTRY_URL: registryUrl,
  };
});
afterAll(async () => {
  await pipeline?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

async function output(command: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(command, args, { cwd: root, env: environment, timeout: 50_000 });
  return stdout;
}

test("openai-typescript prints a streamed answer, and the cost of the second answer", async () => {
  const shown = await output(
    process.execPath,
    "examples/openai-typescript/ask.ts",
    "Why is ice cold?",
  );
  expect(shown).toMatch(/^\[simulated\] /);
  expect(shown.trim().split("\n").at(-1)).toMatch(/^sim-economy\S*, miss, \$0\.\d+$/);
});

test("curl prints the headers of a whole answer, and a whole stream", async () => {
  const shown = await output("examples/curl/ask.sh");
  expect(shown).toMatch(/^HTTP\/1\.1 200/);
  expect(shown).toMatch(/^x-sluice-model: sim-/m);
  expect(shown).toMatch(/^data: \{.*"chat\.completion\.chunk"/m);
  expect(shown.trim()).toMatch(/data: \[DONE\]$/);
});

test("vercel-ai-sdk prints a streamed answer with its usage, and the response headers", async () => {
  const shown = await output(process.execPath, "examples/vercel-ai-sdk/ask.ts", "Why is tea hot?");
  expect(shown).toMatch(/^\[simulated\] /);
  expect(shown).toMatch(/^\d+ tokens$/m);
  expect(shown.trim().split("\n").at(-1)).toMatch(/^sim-economy\S*, \$0\.\d+$/);
});

test("kafka-typescript prints an answer, three more answers, and the reason for a declined request", async () => {
  const shown = await output(
    process.execPath,
    "examples/kafka-typescript/ask.ts",
    "Why is salt white?",
  );
  expect(shown).toMatch(/^\[simulated\] /);
  expect(shown).toMatch(/^ {2}classifier: /m);
  expect(shown.match(/^[0-9a-f-]{36}: miss, \d+ nano-USD$/gm)).toHaveLength(3);
  expect(shown).toMatch(/^invalid_value: .*temperature/m);
});

test("analytics collects each charge once in two runs, sums them by team and writes Parquet", async () => {
  const path = join(folder, "charges.ndjson");
  const collect = () => output(process.execPath, "examples/analytics/collect.ts", path);
  expect(await collect()).toMatch(/^[1-9]\d* charges appended/);
  expect(await collect()).toMatch(/^0 charges appended/);
  const lines = readFileSync(path, "utf8").trim().split("\n");

  const shown = await output(process.execPath, "examples/analytics/by-team.ts", path);
  expect(shown).toMatch(new RegExp(`'platform'.*'${lines.length}'`));
  expect(readFileSync(`${path}.parquet`).subarray(0, 4).toString()).toBe("PAR1");
});

test.each([
  ["openai-python", "openai", /sim-economy\S*, miss, \$0\.\d+$/],
  ["kafka-python", "confluent_kafka.schema_registry.avro", /sim-\S+, \d+ nano-USD$/],
])(
  "%s is run if its package is installed, or else parsed, or else only read",
  async (name, module, end) => {
    const file = `examples/${name}/ask.py`;
    const how = await checkFor(module);
    process.stdout.write(`${name}: ${how} (${python}, package ${module})\n`);
    const expected = { run: end, parsed: /^parsed$/, read: /SLUICE_API_KEY/ };
    expect((await check(how, file, `Why ${name}?`)).trim()).toMatch(expected[how]);
  },
);

type Check = "run" | "parsed" | "read";

async function checkFor(module: string): Promise<Check> {
  const works = (code: string) =>
    output(python, "-c", code).then(
      () => true,
      () => false,
    );
  if (await works(`import ${module}`)) return "run";
  return (await works("pass")) ? "parsed" : "read";
}

async function check(how: Check, file: string, question: string): Promise<string> {
  if (how === "read") return readFileSync(join(root, file), "utf8");
  if (how === "run") return output(python, file, question);
  const parse = "import ast, sys; ast.parse(open(sys.argv[1]).read()); print('parsed')";
  return output(python, "-c", parse, file);
}
