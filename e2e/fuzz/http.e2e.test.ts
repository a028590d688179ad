import { Agent, request } from "node:http";
import { type Pipeline, startPipeline } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bodiesOf } from "./bodies.ts";
import { inspectable, LiveMemory } from "./live-memory.ts";

const seed = 20_261_121;
const count = 10_000;
const connections = 24;
const services = ["ingress", "cache-lookup", "dispatcher", "inference-adapter"] as const;
/** Limit for the growth of ingress's live memory during the second half of the load: 1 KiB per body. */
const growthBytesMax = 5 * 1_024 * 1_024;
/** Limit for the growth of resident memory, most of which V8 reserves: we measured 50 to 80 MiB, and then no growth. */
const residentGrowthBytesMax = 160 * 1_024 * 1_024;
/** All statuses that a body may get. They include a provider's refusal of the request, which is a 400. */
const expectedStatuses = new Set([200, 400, 404, 413]);

let pipeline: Pipeline;
const agent = new Agent({ keepAlive: true, maxSockets: connections });

beforeAll(async () => {
  pipeline = await startPipeline({
    environment: { ...inspectable, SLUICE_SIMULATOR_SPEED: "100" },
  });
});
afterAll(async () => {
  agent.destroy();
  await pipeline?.stop();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Posts the bytes unchanged, on a connection that is kept alive. */
function post(body: Buffer): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = {
    authorization: `Bearer ${pipeline.demoKey}`,
    "content-type": "application/json",
    "content-length": body.length,
  };
  const url = `${pipeline.http}/v1/chat/completions`;
  const sent = request(url, { method: "POST", agent, headers }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk)).once("error", reject);
    response.once("end", () =>
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
    );
  });
  sent.once("error", reject).end(body);
  return promise;
}

async function residentBytes(): Promise<number> {
  const text = await (await fetch(`${pipeline.admin("ingress")}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

/** Describes an answer that should not occur; undefined for an expected answer. */
function unexpectedAnswer(body: Buffer, { status, text }: Answer): string | undefined {
  const isExplained = status === 200 || /^\{"error":\{"message":"[^]+"code":"\w+"\}\}$/.test(text);
  if (expectedStatuses.has(status) && isExplained) return undefined;
  return `${status} ${text.slice(0, 300)} to ${body.toString("latin1").slice(0, 600)}`;
}

async function sendAll(bodies: Iterator<Buffer>, statuses: Map<number, number>): Promise<string[]> {
  const unexpected: string[] = [];
  const worker = async (): Promise<void> => {
    for (let next = bodies.next(); !next.done; next = bodies.next()) {
      const answer = await post(next.value).catch((error: unknown) => ({
        status: 0,
        text: String(error),
      }));
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const description = unexpectedAnswer(next.value, answer);
      if (description !== undefined) unexpected.push(description);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return unexpected;
}

test(
  `${count} seeded bodies cause no 500, no crash and no memory leak`,
  { timeout: 180_000 },
  async () => {
    const before = services.map((name) => pipeline.identityOf(name).pid);
    const statuses = new Map<number, number>();
    const early = await sendAll(bodiesOf(seed, count / 2), statuses);
    const memory = await LiveMemory.of(pipeline, "ingress");
    const [held, resident] = [await memory.bytes(), await residentBytes()];
    const late = await sendAll(bodiesOf(seed + count, count / 2), statuses);
    const grown = (await memory.bytes()) - held;
    const residentGrown = (await residentBytes()) - resident;
    memory.close();

    expect([...early, ...late].slice(0, 10)).toEqual([]);
    expect(services.map((name) => pipeline.identityOf(name).pid)).toEqual(before);
    expect(grown).toBeLessThan(growthBytesMax);
    expect(residentGrown).toBeLessThan(residentGrowthBytesMax);
    // The bodies must be both valid and invalid; otherwise they would not test the cases between.
    expect(statuses.get(200)).toBeGreaterThan(count / 50);
    expect(statuses.get(400)).toBeGreaterThan(count / 2);
    expect(statuses.get(413)).toBeGreaterThan(0);
  },
);
