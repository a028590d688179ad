import { setTimeout as sleep } from "node:timers/promises";

/** How a tenant's requests ended. */
export interface NeighbourReport {
  /** From the scheduled start to the whole answer. */
  readonly latenciesMs: readonly number[];
  /** Everything that is not a status of 200. */
  readonly failures: readonly string[];
}

/** Sends a chat every `intervalMs` until the signal is aborted, whatever happens to those before. */
export async function askSteadily(
  http: string,
  apiKey: string,
  intervalMs: number,
  signal: AbortSignal,
): Promise<NeighbourReport> {
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  const open: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let number = 0; !signal.aborted; number += 1) {
    const dueAt = startedAt + number * intervalMs;
    // oxlint-disable-next-line no-await-in-loop -- the rate is the point
    await sleep(Math.max(0, dueAt - performance.now()));
    const asked = ask(http, apiKey, number).then(
      () => latenciesMs.push(performance.now() - dueAt),
      (error: unknown) => failures.push(String(error)),
    );
    open.push(asked.then(() => undefined));
  }
  await Promise.all(open);
  return { latenciesMs, failures };
}

async function ask(http: string, apiKey: string, number: number): Promise<void> {
  const content = `Name a river, number ${number} of ${performance.now()}.`;
  const response = await fetch(`${http}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "sim-economy",
      max_completion_tokens: 10,
      messages: [{ role: "user", content }],
    }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text.slice(0, 200)}`);
}

export function p95Of(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Infinity;
}
