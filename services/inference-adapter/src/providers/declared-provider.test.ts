import { DeclarationsInvalid } from "@sluice/declarations";
import { silentLogger } from "@sluice/stage";
import { expect, test } from "vitest";
import { DeclaredProvider } from "./declared-provider.ts";
import { answerOf, InMemoryProvider, type Scripted } from "./in-memory-provider.ts";
import { callProvider } from "./provider.contract.ts";

class Closable extends InMemoryProvider {
  isClosed = false;

  constructor(private readonly until: Promise<void> = Promise.resolve()) {
    const answer = answerOf(["yes"], "stop");
    const scripted: Scripted = { kind: "end", end: { kind: "answered", answer, usage: null } };
    super(() => scripted);
  }

  override async call(...args: Parameters<InMemoryProvider["call"]>) {
    await this.until;
    return super.call(...args);
  }

  override close(): void {
    this.isClosed = true;
  }
}

function declared(first: Closable, second: Closable) {
  let built = { fingerprint: "first", open: () => first };
  let problem: string | undefined;
  const build = () => {
    if (problem !== undefined) throw new DeclarationsInvalid(problem);
    return built;
  };
  return {
    provider: new DeclaredProvider(build, silentLogger),
    change: () => (built = { fingerprint: "second", open: () => second }),
    breakBy: (message: string) => (problem = message),
  };
}

test("a call after a change is made by new clients, and the idle clients before are closed", async () => {
  const [first, second] = [new Closable(), new Closable()];
  const { provider, change } = declared(first, second);
  await callProvider(provider, { prompt: "x" });
  change();
  await callProvider(provider, { prompt: "x" });
  expect([first.calls.length, second.calls.length]).toEqual([1, 1]);
  expect([first.isClosed, second.isClosed]).toEqual([true, false]);
});

test("a call that runs during a change ends with the clients that began it", async () => {
  const held = Promise.withResolvers<void>();
  const [first, second] = [new Closable(held.promise), new Closable()];
  const { provider, change } = declared(first, second);
  const running = callProvider(provider, { prompt: "x" });
  change();
  await callProvider(provider, { prompt: "x" });
  expect(first.isClosed).toBe(false);
  held.resolve();
  expect((await running).end).toMatchObject({ kind: "answered" });
  expect(first.isClosed).toBe(true);
});

test("a change whose secret is missing leaves the clients before in use", async () => {
  const [first, second] = [new Closable(), new Closable()];
  const { provider, change, breakBy } = declared(first, second);
  change();
  breakBy("no secret");
  expect((await callProvider(provider, { prompt: "x" })).end).toMatchObject({ kind: "answered" });
  expect([first.calls.length, first.isClosed]).toEqual([1, false]);
});

test("closing ends the clients in use and those whose calls still run", async () => {
  const [first, second] = [new Closable(new Promise(() => undefined)), new Closable()];
  const { provider, change } = declared(first, second);
  void callProvider(provider, { prompt: "x" });
  change();
  await callProvider(provider, { prompt: "x" });
  provider.close();
  expect([first.isClosed, second.isClosed]).toEqual([true, true]);
});
