import type { Answer } from "@sluice/contracts";
import { embeddingOf } from "@sluice/domain";
import type { AnswerPart } from "./answer/answer-part.ts";
import {
  type OnParts,
  Provider,
  type ProviderBody,
  type ProviderCall,
  type ProviderEnd,
} from "./provider.ts";
import { plainDialect } from "./openai/dialect.ts";
import { bodyOf } from "./openai/provider-body.ts";
import { reportedUsageOf } from "./openai/answer/usage.ts";

/**
 * What the fake does with a call. It streams each of `tokens` as a part, and awaits `meanwhile`
 * during the call.
 */
export type Scripted = { readonly meanwhile?: () => Promise<unknown> } & (
  | {
      readonly kind: "answer";
      readonly tokens: readonly string[];
      /** Streamed after `meanwhile`. */
      readonly lastTokens?: readonly string[];
      readonly usage?: object | null;
    }
  | { readonly kind: "end"; readonly end: ProviderEnd; readonly tokens?: readonly string[] }
  /** Sends nothing more until the call is aborted. */
  | { readonly kind: "hang"; readonly tokens?: readonly string[] }
);

/** A provider that follows the script of a test and keeps the calls that it received. */
export class InMemoryProvider extends Provider {
  readonly calls: ProviderCall[] = [];
  readonly #script: (call: ProviderCall, nth: number) => Scripted;

  constructor(script: (call: ProviderCall, nth: number) => Scripted) {
    super();
    this.#script = script;
  }

  override async call(call: ProviderCall, onParts: OnParts): Promise<ProviderEnd> {
    this.calls.push(call);
    const scripted = this.#script(call, this.calls.length);
    const tokens = scripted.tokens ?? [];
    if (call.stream) for (const token of tokens) onParts([textPart(token)]);
    await new Promise((resolve) => setImmediate(resolve));
    await scripted.meanwhile?.();
    switch (scripted.kind) {
      case "answer":
        for (const token of scripted.lastTokens ?? []) onParts([textPart(token)]);
        if (call.operation === "embeddings") return embedded(call, scripted.usage);
        return {
          kind: "answered",
          answer: answerOf(tokens, "stop"),
          usage: usageOf(tokens.length, scripted.usage),
        };
      case "end":
        return scripted.end;
      case "hang":
        await new Promise<void>((resolve) => {
          if (call.signal.aborted) resolve();
          call.signal.addEventListener("abort", () => resolve());
        });
        return tokens.length > 0
          ? { kind: "cut", code: "aborted", answer: answerOf(tokens, ""), usage: null }
          : { kind: "lost", code: "aborted" };
      default:
        return scripted satisfies never;
    }
  }

  override bodyOf(...given: Parameters<Provider["bodyOf"]>): ProviderBody {
    return bodyOf(...given, plainDialect);
  }

  override close(): void {
    // The fake holds no connections.
  }
}

const plainAnswer: Scripted = { kind: "answer", tokens: ["One", " two", " three."] };

const embeddingMissing: Scripted = {
  kind: "end",
  end: { kind: "unusable", code: "answer_unusable", usage: reportedUsageOf({ prompt_tokens: 2 }) },
};

/** Follows those markers of the provider simulator that the contract uses. */
export function scriptedByMarkers({ provider, body }: ProviderCall): Scripted {
  const refusal = { kind: "refused", status: null, retryAfterMs: null } as const;
  if (provider !== "acme-ai") return { kind: "end", end: { ...refusal, code: "unreachable" } };
  if (JSON.stringify(body).includes("[[answer:vector-missing]]")) return embeddingMissing;
  const [, fault = "none", settings = ""] =
    /\[\[fault:(\S+?)( [^\]]*)?\]\]/.exec(JSON.stringify(body)) ?? [];
  const setting = (name: string): number =>
    Number(new RegExp(`${name}=(\\d+)`).exec(settings)?.[1]);
  switch (fault) {
    case "429": {
      const retryAfterMs = setting("retry-after") * 1_000 || null;
      return { kind: "end", end: { ...refusal, code: "rate_limited", status: 429, retryAfterMs } };
    }
    case "500":
      return { kind: "end", end: { ...refusal, code: "server_error", status: 500 } };
    case "cut-stream":
      return cutAfter(setting("after"));
    case "timeout-after-billing":
      return { kind: "end", end: { kind: "lost", code: "timed_out" } };
    case "hang":
      return { kind: "hang" };
    default:
      return plainAnswer;
  }
}

function cutAfter(tokenCount: number): Scripted {
  const code = "connection_lost";
  if (tokenCount === 0) return { kind: "end", end: { kind: "lost", code } };
  const tokens = Array.from({ length: tokenCount }, (_, index) => ` ${index}`);
  return {
    kind: "end",
    end: { kind: "cut", code, answer: answerOf(tokens, ""), usage: null },
    tokens,
  };
}

/** Returns one embedding of two dimensions for each input. */
function embedded({ answers }: ProviderCall, usage: object | null | undefined): ProviderEnd {
  const embeddings = Array.from({ length: answers }, (_, index) => embeddingOf([index, 1]));
  const answer = { ...answerOf([], ""), choices: [], embeddings };
  return { kind: "answered", answer, usage: usageOf(0, usage) };
}

export function answerOf(tokens: readonly string[], finishReason: string): Answer {
  const none = { refusal: null, toolCalls: null, logprobs: null, members: null };
  return {
    choices: [{ index: 0, content: tokens.join(""), finishReason, ...none }],
    providerModel: "in-memory",
    systemFingerprint: null,
    createdAt: 0,
    cut: false,
    embeddings: [],
  };
}

function textPart(text: string): AnswerPart {
  return { kind: "text", choice: 0, text };
}

/** Returns ten input tokens, unless the test gives a usage; null if the provider reports none. */
function usageOf(
  outputTokens: number,
  usage: object | null | undefined,
): Extract<ProviderEnd, { kind: "answered" }>["usage"] {
  if (usage === null) return null;
  return reportedUsageOf(usage ?? { prompt_tokens: 10, completion_tokens: outputTokens });
}
