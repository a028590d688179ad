import { afterAll, beforeAll, expect, test } from "vitest";
import { type Pipeline, startPipeline } from "../src/pipeline.ts";

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await startPipeline();
});

afterAll(async () => {
  await pipeline?.stop();
});

async function ask(question: string): Promise<number> {
  const answer = await fetch(`${pipeline.http}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${pipeline.demoKey}`,
    },
    body: JSON.stringify({ model: "auto", messages: [{ role: "user", content: question }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test("the services answer a request, also after the adapter was killed and restarted", async () => {
  expect(await ask("What is a sluice gate?")).toBe(200);
  const before = pipeline.identityOf("inference-adapter").pid;
  await pipeline.killAndAwait("inference-adapter");
  expect(pipeline.identityOf("inference-adapter").pid).not.toBe(before);
  expect(await ask("What is a lock, and what is a weir?")).toBe(200);
});

test("an additional adapter can join and leave, and a service can stay stopped", async () => {
  const extra = await pipeline.startExtra("inference-adapter");
  expect((await fetch(`${extra.admin}/readyz`)).status).toBe(200);
  await extra.stop();
  await expect(fetch(`${extra.admin}/readyz`)).rejects.toThrow(/fetch failed/);

  await pipeline.stopService("classifier");
  await expect(fetch(`${pipeline.admin("classifier")}/readyz`)).rejects.toThrow(/fetch failed/);
  await pipeline.startService("classifier");
  expect((await fetch(`${pipeline.admin("classifier")}/readyz`)).status).toBe(200);
});
