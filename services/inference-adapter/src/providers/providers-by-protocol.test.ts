import { expect, test } from "vitest";
import { aCandidate, aDispatched } from "../attempt/dispatched.fixture.ts";
import { InMemoryProvider, answerOf, type Scripted } from "./in-memory-provider.ts";
import { callProvider } from "./provider.contract.ts";
import type { ProviderBody } from "./provider.ts";
import { ProvidersByProtocol } from "./providers-by-protocol.ts";

/** Says which protocol it has, and whether it was closed. */
class Named extends InMemoryProvider {
  isClosed = false;
  readonly #name: string;

  constructor(name: string) {
    const answer = answerOf([name], "stop");
    const scripted: Scripted = { kind: "end", end: { kind: "answered", answer, usage: null } };
    super(() => scripted);
    this.#name = name;
  }

  override bodyOf(): ProviderBody {
    return { for: this.#name };
  }

  override close(): void {
    this.isClosed = true;
  }
}

function adapters() {
  const openai = new Named("openai");
  const anthropic = new Named("anthropic");
  const protocolOf = (id: string) => (id === "claude-seller" ? "anthropic" : "openai");
  return { openai, anthropic, both: new ProvidersByProtocol(protocolOf, { openai, anthropic }) };
}

test.each([
  ["acme-ai", "openai"],
  ["claude-seller", "anthropic"],
])(
  "a call of %s is made by the adapter of %s, which also makes its body",
  async (provider, name) => {
    const { both } = adapters();
    const { request } = aDispatched().admitted;
    expect(both.bodyOf(request, aCandidate({ provider }), false)).toEqual({ for: name });
    const { end } = await callProvider(both, { prompt: "x", call: { provider } });
    expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ content: name }] } });
  },
);

test("all adapters are closed together", () => {
  const { both, openai, anthropic } = adapters();
  both.close();
  expect([openai.isClosed, anthropic.isClosed]).toEqual([true, true]);
});
