import fc from "fast-check";
import { expect, test } from "vitest";
import { eventData } from "./event-data.ts";

test("events are read correctly wherever the network divides their bytes", async () => {
  const events = ['{"a":"ü€😀"}', "{}", "[DONE]"];
  const bytes = Buffer.from(events.map((data) => `data: ${data}\n\n`).join(""));
  const cutsOf = fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(cutsOf, async (cuts) => {
      const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const parts = edges.slice(1).map((end, at) => bytes.subarray(edges[at], end));
      const seen: string[] = [];
      for await (const data of eventData(streamOf(parts))) seen.push(data);
      expect(seen).toEqual(events);
    }),
  );
});

async function* streamOf(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
