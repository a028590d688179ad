import http from "node:http";
import https from "node:https";
import { type BodyForm, BodyLimit } from "./answer-limit.ts";
import type { Heard } from "./provider-refusal.ts";

/**
 * How long a provider may be silent during one call. It is longer until the answer begins, because a model may reason
 * for minutes before it says anything.
 */
export class Patience {
  #begun = false;
  #changed: (() => void) | undefined;

  /**
   * @param beginMs the longest silence until the answer has begun
   * @param silenceMs the longest silence after that
   */
  constructor(
    private readonly beginMs: number,
    private readonly silenceMs: number,
  ) {}

  get limitMs(): number {
    return this.#begun ? this.silenceMs : this.beginMs;
  }

  /** Notes that a part of the answer has arrived. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#changed?.();
  }

  /** @param listener is called when the limit changes */
  onChange(listener: () => void): void {
    this.#changed = listener;
  }
}

/** What `fetch` receives for one call, in addition to what the platform's own receives. */
export interface CallInit extends RequestInit {
  readonly patience?: Patience;
  readonly heard?: Heard;
}

/**
 * Why a call ended without a complete answer. `unreachable` means that there was no connection, so
 * nothing was sent; `connection_stale` that the provider had closed an idle connection, and so did not read what was
 * sent on it. With the others, the provider may have read the request.
 */
export type WireFaultCode =
  | "unreachable"
  | "connection_stale"
  | "timed_out"
  | "connection_lost"
  | "answer_too_long";

/**
 * A fault of the connection. The message does not contain "timed out", from which the OpenAI client
 * would infer a time-out of its own.
 */
export class WireFault extends Error {
  readonly code: WireFaultCode;

  constructor(code: WireFaultCode, cause?: unknown) {
    super(
      `The connection to the provider ended the call: ${code.replace("timed_out", "silence")}.`,
      { cause },
    );
    this.code = code;
  }
}

/**
 * An idle connection is closed after this time. It is less than the 2 s of gunicorn and the 5 s of
 * uvicorn and Node.js. If the server closed it first, a call could be sent on it meanwhile, and would
 * be metered as a loss although the server never read it. A new connection costs a few round trips.
 */
const idleMsMax = 1_500;

/**
 * A call on a used connection that ends without one byte of an answer within this time has met the close of that
 * connection: a round trip later the provider says that it had closed it. A call that the provider did perform
 * ends later, or with an answer.
 */
const staleMsMax = 1_000;

/** The connections to providers, which are kept alive and closed together. */
export class ProviderConnections {
  readonly #http = new http.Agent({ keepAlive: true, timeout: idleMsMax });
  readonly #https = new https.Agent({ keepAlive: true, timeout: idleMsMax });
  readonly #connectMs: number;
  readonly #form: BodyForm;

  /**
   * @param connectMs the time until the connection is established, including TLS
   * @param form how the body of a successful answer is read
   */
  constructor(connectMs: number, form: BodyForm) {
    this.#connectMs = connectMs;
    this.#form = form;
  }

  /** Closes the idle connections. If one of them was stale, others may be too, and the next call must not meet them. */
  #closeIdle(): void {
    for (const agent of [this.#http, this.#https])
      for (const sockets of Object.values(agent.freeSockets))
        for (const socket of sockets ?? []) socket.destroy();
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /**
   * Implements `fetch` over node:http. The platform's own `fetch` does not report whether the request
   * was sent before it failed, which decides whether an attempt cost nothing or is in doubt.
   *
   * @throws WireFault
   */
  readonly fetch = (url: string | URL | Request, init: CallInit = {}): Promise<Response> => {
    if (!init.patience) throw new TypeError("A provider call needs its time limits.");
    const target = new URL(url instanceof Request ? url.url : url);
    const secure = target.protocol === "https:";
    const request = (secure ? https : http).request(target, {
      method: init.method ?? "GET",
      // Nothing here unpacks what a proxy would pack.
      headers: { ...Object.fromEntries(new Headers(init.headers)), "accept-encoding": "identity" },
      agent: secure ? this.#https : this.#http,
    });
    const limits = { connectMs: this.#connectMs, patience: init.patience };
    const watch = new Watch(request, limits, init.signal ?? undefined);
    const response = exchange(request, { secure, form: this.#form }, watch).catch(
      (error: unknown) => {
        if (error instanceof WireFault && error.code === "connection_stale") this.#closeIdle();
        throw error;
      },
    );
    request.end(textOf(init.body));
    return response;
  };
}

async function exchange(
  request: http.ClientRequest,
  { secure, form }: { readonly secure: boolean; readonly form: BodyForm },
  watch: Watch,
): Promise<Response> {
  // Both emit a second error after a call was aborted. Without a listener it would end the process.
  request.on("error", ignore).once("response", (incoming) => incoming.on("error", ignore));
  let connected = false;
  const startedAt = performance.now();
  const onConnected = (): void => {
    connected = true;
    watch.noteActivity();
  };
  request.once("socket", (socket) => {
    if (socket.connecting) socket.once(secure ? "secureConnect" : "connect", onConnected);
    else onConnected();
  });
  try {
    const incoming = await new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once("response", resolve).once("error", reject);
    });
    watch.noteActivity();
    return responseOf(incoming, form, watch);
  } catch (error) {
    watch.stop();
    const isStale = request.reusedSocket && performance.now() - startedAt < staleMsMax;
    if (!watch.fault && isStale) throw new WireFault("connection_stale", error);
    throw faultOf(watch.fault ?? error, connected);
  }
}

function ignore(): void {
  // The error reaches the code that waits for the response or its body.
}

/**
 * Returns the body as text, which the OpenAI client always sends. Other bodies could not be sent in
 * one piece.
 */
function textOf(body: RequestInit["body"]): string | undefined {
  if (body === null || body === undefined) return undefined;
  if (typeof body === "string") return body;
  throw new TypeError("The body of a provider call must be text.");
}

function responseOf(incoming: http.IncomingMessage, form: BodyForm, watch: Watch): Response {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  const status = statusOf(incoming);
  if (!withoutBody.has(status)) {
    // The body of a refusal is read in one piece, also if a stream was requested.
    const limit = new BodyLimit(status < 300 ? form : "whole");
    return new Response(bodyOf(incoming, limit, watch), { status, headers });
  }
  watch.stop();
  incoming.resume();
  return new Response(null, { status, headers });
}

/** Statuses whose responses have no body. */
const withoutBody: ReadonlySet<number> = new Set([204, 205, 304]);

/** Returns the status, or 502 for one that HTTP does not have. */
function statusOf({ statusCode }: http.IncomingMessage): number {
  const isKnown = statusCode !== undefined && statusCode >= 200 && statusCode <= 599;
  return isKnown ? statusCode : 502;
}

/**
 * Returns the body. A reader that stops early ends the request: the generator alone would wait for the next piece, and
 * with it the reader.
 */
function bodyOf(
  incoming: http.IncomingMessage,
  limit: BodyLimit,
  watch: Watch,
): ReadableStream<Uint8Array> {
  const pieces = piecesOf(incoming, limit, watch);
  return new ReadableStream(
    {
      pull: async (controller) => {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => {
        watch.stop();
        incoming.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

async function* piecesOf(
  incoming: http.IncomingMessage,
  limit: BodyLimit,
  watch: Watch,
): AsyncGenerator<Uint8Array> {
  try {
    // Its type does not say so, but without an encoding it yields bytes.
    const pieces: AsyncIterable<Uint8Array> = incoming;
    for await (const piece of pieces) {
      watch.noteActivity();
      if (!limit.admits(piece)) throw new WireFault("answer_too_long");
      yield piece;
    }
  } catch (error) {
    throw faultOf(watch.fault ?? error, true);
  } finally {
    watch.stop();
  }
}

/**
 * Ends the request after too long a silence, or when its signal aborts. It keeps the reason itself
 * and does not pass it to `destroy`: if the answer is read but not consumed yet, the socket would
 * emit the reason again without a listener, which ends the process.
 */
class Watch {
  readonly #request: http.ClientRequest;
  readonly #patience: Patience;
  readonly #signal: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #fault: Error | undefined;
  #stopped = false;

  constructor(
    request: http.ClientRequest,
    { connectMs, patience }: { readonly connectMs: number; readonly patience: Patience },
    signal: AbortSignal | undefined,
  ) {
    this.#request = request;
    this.#patience = patience;
    patience.onChange(() => this.noteActivity());
    this.#signal = signal;
    this.#expect("unreachable", connectMs);
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.#abort();
  }

  /** Why it ended the request, if it did. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  /** Restarts the time limit, because the connection is established or bytes have arrived. */
  noteActivity(): void {
    if (!this.#stopped) this.#expect("timed_out", this.#patience.limitMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  #expect(orElse: WireFaultCode, withinMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(new WireFault(orElse)), withinMs);
  }

  readonly #abort = (): void => this.#end(new DOMException("The call was aborted.", "AbortError"));

  #end(fault: Error): void {
    this.#fault ??= fault;
    this.#request.destroy();
  }
}

function faultOf(error: unknown, connected: boolean): unknown {
  if (error instanceof WireFault) return error;
  if (error instanceof DOMException) return error;
  return new WireFault(connected ? "connection_lost" : "unreachable", error);
}
