import { type Clock, type EpochMillis, noUsage } from "@sluice/domain";
import type { LossCode } from "../../decide/failure.ts";
import { AnswerAssembly } from "../answer/answer-assembly.ts";
import { type AnswerPart, countsOutput } from "../answer/answer-part.ts";
import { deadlinePassed, type OnParts, type ProviderCall, type ProviderEnd } from "../provider.ts";
import { answerBytesMax } from "./answer-limit.ts";
import { AnswerValues, documentIn, UnreadableAnswer, type WireEvent } from "./event-stream.ts";
import { type CallInit, Patience, WireFault } from "./provider-fetch.ts";
import { type Heard, ProviderRefusal } from "./provider-refusal.ts";
import { type WireError, wireErrorIn } from "./wire-error.ts";

export interface ProviderTimeouts {
  /** Until the connection is established, including TLS. */
  readonly connectMs: number;
  /** The longest silence until an answer begins, unless one is declared for the model. */
  readonly beginMs: number;
  /** The longest silence after that. */
  readonly silenceMs: number;
}

/** How a protocol reads one answer: the events of a stream, or the one document. */
export interface AnswerReader {
  read(value: unknown): ReadValue;
  /** Whether an event says that the answer is complete. */
  isLast(event: WireEvent): boolean;
}

export interface ReadValue {
  /** What the provider says about a call that it did not perform, or could not finish; null if nothing. */
  readonly error: WireError | null;
  readonly parts: readonly AnswerPart[];
}

/** What is known of the provider that a call goes to. */
export interface CalledModel {
  /** How long it may be silent before its answer begins; null if that is not declared. */
  readonly beginMs: number | null;
  /** The keys of the provider, which must not appear in its words. */
  readonly secrets: readonly string[];
}

/** A call with its time limits, and what was heard of it. */
export interface LimitedCall extends ProviderCall, CalledModel {
  readonly patience: Patience;
  readonly heard: Heard;
  /** By the clock of `performance`. */
  readonly startedAt: number;
}

/** The options of a call, which the vendors' clients have in the same form. */
export interface ClientOptions {
  readonly body: object;
  readonly signal: AbortSignal;
  readonly headers: Record<string, string>;
  readonly fetchOptions: object;
}

/** Returns the options of a call through a vendor's client. */
export function clientOptionsOf(call: LimitedCall, body: object): ClientOptions {
  const { attemptId, trace, signal, patience, heard } = call;
  const headers = { "x-client-request-id": attemptId, ...trace };
  // The client passes all members of it on to `fetch`.
  const fetchOptions: object = { patience, heard } satisfies CallInit;
  return { body, signal, headers, fetchOptions };
}

/** Sends a call, and resolves with its response when its headers have arrived. */
type Send = (call: LimitedCall) => Promise<Response>;

/** Makes calls over HTTP, whatever the protocol is, and finds out how each of them ended. */
export class AnswerExchange {
  readonly #timeouts: ProviderTimeouts;
  readonly #clock: Clock;

  constructor(timeouts: ProviderTimeouts, clock: Clock) {
    this.#timeouts = timeouts;
    this.#clock = clock;
  }

  /** Makes a call whose answer is a chat. */
  async chat(
    call: ProviderCall,
    model: CalledModel,
    reader: AnswerReader,
    send: Send,
    onParts: OnParts,
  ): Promise<ProviderEnd> {
    const limited = this.#limited(call, model);
    const assembly = new AnswerAssembly();
    let isComplete = false;
    try {
      const response = await send(limited);
      isComplete = await readAnswer(response, reader, limited, assembly, onParts);
    } catch (error) {
      if (!assembly.isComplete(call.answers)) return this.#endOf(error, limited, assembly);
    }
    const now = this.#clock.now();
    if (!assembly.hasBegun)
      return { kind: "unusable", code: "answer_empty", usage: assembly.usage };
    // The response has ended here. Some providers ignore `n`, and some give no finish reason, but what they
    // returned is billed in full.
    if (!isComplete && !assembly.hasEnded) return lostOrCut("connection_lost", assembly, now);
    const missing = assembly.end();
    if (call.stream && missing.length > 0) onParts(missing);
    return { kind: "answered", answer: assembly.answer(now), usage: assembly.usage };
  }

  /** Makes a call whose answer is one document. */
  async document(
    call: ProviderCall,
    model: CalledModel,
    send: Send,
    endOf: (document: unknown, now: EpochMillis) => ProviderEnd,
  ): Promise<ProviderEnd> {
    const limited = this.#limited(call, model);
    try {
      const document = await documentIn(await send(limited));
      const error = wireErrorIn(document);
      if (error) throw new ErrorInAnswer(error);
      return endOf(document, this.#clock.now());
    } catch (error) {
      return this.#endOf(error, limited, new AnswerAssembly());
    }
  }

  #endOf(error: unknown, call: LimitedCall, assembly: AnswerAssembly): ProviderEnd {
    const now = this.#clock.now();
    // Also if the call was ended meanwhile: what the provider has refused, it has not performed.
    if (call.heard.refusal) return call.heard.refusal.end(call.secrets, now);
    if (call.signal.aborted) return lostOrCut(this.#codeOfAbort(call), assembly, now);
    const { usage } = assembly;
    for (const cause of causesOf(error)) {
      if (cause instanceof ErrorInAnswer) {
        // What was heard of the answer, or its usage, shows that the provider has made a part of it.
        const { outputTokens, reasoningTokens } = usage?.usage ?? noUsage;
        const hasMade = assembly.hasBegun || (outputTokens ?? 0n) + (reasoningTokens ?? 0n) > 0n;
        if (hasMade) return lostOrCut("provider_error", assembly, now);
        return new ProviderRefusal(cause.error).end(call.secrets, now);
      }
      if (cause instanceof UnreadableAnswer && !assembly.hasBegun)
        return { kind: "unusable", code: "answer_unreadable", usage };
      if (cause instanceof UnreadableAnswer) return lostOrCut("provider_error", assembly, now);
      if (cause instanceof WireFault) return endOfFault(cause, assembly, now);
    }
    return lostOrCut("connection_lost", assembly, now);
  }

  #limited(call: ProviderCall, model: CalledModel): LimitedCall {
    const { beginMs, silenceMs } = this.#timeouts;
    const patience = new Patience(model.beginMs ?? beginMs, silenceMs);
    return { ...call, ...model, patience, heard: {}, startedAt: performance.now() };
  }

  /**
   * A provider that says nothing until the deadline has failed if that took as long as no answer may be silent. The
   * deadline of a hasty client says nothing about the provider.
   */
  #codeOfAbort({ signal, startedAt }: LimitedCall): LossCode {
    const isLate = signal.reason === deadlinePassed;
    const waitedMs = performance.now() - startedAt;
    return isLate && waitedMs >= this.#timeouts.silenceMs ? "timed_out" : "aborted";
  }
}

/** An error that the provider put into a successful response. */
class ErrorInAnswer extends Error {
  constructor(readonly error: WireError) {
    super("The provider's answer is an error.");
  }
}

/** Adds an answer to the assembly. Returns whether the provider said that this was all of it. */
async function readAnswer(
  response: Response,
  reader: AnswerReader,
  call: LimitedCall,
  assembly: AnswerAssembly,
  onParts: OnParts,
): Promise<boolean> {
  const values = new AnswerValues(response, (event) => reader.isLast(event));
  let kept = 0;
  for await (const value of values.read()) {
    const { error, parts } = reader.read(value);
    // An event with an error may have the last text, but it does not end the answer as one that is whole.
    const added = (error ? parts.filter(({ kind }) => kind !== "end") : parts).map((part) =>
      assembly.add(part),
    );
    if (error) throw new ErrorInAnswer(error);
    if (assembly.hasSpoken) call.patience.begin();
    const ofChoices = added.filter((part) => "choice" in part);
    if (ofChoices.length === 0) continue;
    kept += JSON.stringify(ofChoices).length;
    if (kept > answerBytesMax) throw new WireFault("answer_too_long");
    if (call.stream) onParts(added);
  }
  return values.isComplete;
}

function endOfFault({ code }: WireFault, assembly: AnswerAssembly, now: number): ProviderEnd {
  if (code === "unreachable" || code === "connection_stale") return notSent(code);
  return lostOrCut(code, assembly, now);
}

/** Returns the end of a call that the provider did not read. */
export function notSent(code: "unreachable" | "connection_stale"): ProviderEnd {
  return { kind: "refused", code, status: null, retryAfterMs: null };
}

/** The usage of the prompt, with which some protocols begin, does not say what was made of the answer. */
function lostOrCut(code: LossCode, assembly: AnswerAssembly, now: number): ProviderEnd {
  const { usage } = assembly;
  if (!assembly.hasBegun && !countsOutput(usage)) return { kind: "lost", code };
  return { kind: "cut", code, answer: assembly.answer(now), usage };
}

/** Yields an error and its causes; the client wraps errors of a connection once or twice. */
function* causesOf(error: unknown): Generator<Error> {
  for (let inner = error; inner instanceof Error; inner = inner.cause) yield inner;
}
