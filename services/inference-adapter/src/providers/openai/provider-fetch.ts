import http from "node:http";
import https from "node:https";

export interface CallTimeouts {
  /** Until the connection stands, TLS included. */
  readonly connectMs: number;
  /** Until the first byte of the answer, and between any two. */
  readonly silenceMs: number;
}

/**
 * unreachable: no connection, so nothing was sent. The others came after the
 * request may have been read.
 */
export type WireFaultCode = "unreachable" | "timed_out" | "connection_lost";

/** What the wire did. The message avoids words from which the client guesses a cause of its own. */
export class WireFault extends Error {
  readonly code: WireFaultCode;

  constructor(code: WireFaultCode, cause?: unknown) {
    super(`The call ended on the wire: ${code.replace("timed_out", "silence")}.`, { cause });
    this.code = code;
  }
}

/** An idle connection older than this is not used again: many servers close theirs after 60 s. */
const idleMsMax = 30_000;

/** Connections to providers, kept alive; closed together. */
export class ProviderConnections {
  readonly #http = new http.Agent({ keepAlive: true, timeout: idleMsMax });
  readonly #https = new https.Agent({ keepAlive: true, timeout: idleMsMax });
  readonly #timeouts: CallTimeouts;

  constructor(timeouts: CallTimeouts) {
    this.#timeouts = timeouts;
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /**
   * `fetch` over node:http. The platform's own cannot tell whether the request
   * left the machine before it failed, and that decides whether an attempt cost
   * nothing or is in doubt.
   *
   * @throws WireFault
   */
  readonly fetch = (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const target = new URL(url instanceof Request ? url.url : url);
    const secure = target.protocol === "https:";
    const request = (secure ? https : http).request(target, {
      method: init.method ?? "GET",
      headers: Object.fromEntries(new Headers(init.headers)),
      agent: secure ? this.#https : this.#http,
    });
    const watch = new Watch(request, this.#timeouts, init.signal ?? undefined);
    const response = exchange(request, secure, watch);
    request.end(textOf(init.body));
    return response;
  };
}

async function exchange(
  request: http.ClientRequest,
  secure: boolean,
  watch: Watch,
): Promise<Response> {
  // Both speak up a second time when a call is left; unheard, that would end the process.
  request.on("error", ignore).once("response", (incoming) => incoming.on("error", ignore));
  let connected = false;
  const onConnected = (): void => {
    connected = true;
    watch.heard();
  };
  request.once("socket", (socket) => {
    if (socket.connecting) socket.once(secure ? "secureConnect" : "connect", onConnected);
    else onConnected();
  });
  try {
    const incoming = await new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once("response", resolve).once("error", reject);
    });
    watch.heard();
    return responseOf(incoming, watch);
  } catch (error) {
    watch.stop();
    throw faultOf(watch.fault ?? error, connected);
  }
}

function ignore(): void {
  // Whoever waits for the answer or its body is told.
}

/** The client sends JSON as text; anything else could not be sent in one piece. */
function textOf(body: RequestInit["body"]): string | undefined {
  if (body === null || body === undefined) return undefined;
  if (typeof body === "string") return body;
  throw new TypeError("Only text can be sent to a provider.");
}

function responseOf(incoming: http.IncomingMessage, watch: Watch): Response {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  const status = incoming.statusCode ?? 502;
  if (status !== 204 && status !== 304)
    return new Response(ReadableStream.from(piecesOf(incoming, watch)), { status, headers });
  watch.stop();
  incoming.resume();
  return new Response(null, { status, headers });
}

async function* piecesOf(incoming: http.IncomingMessage, watch: Watch): AsyncGenerator<Uint8Array> {
  try {
    // Without an encoding it gives bytes, whatever its type says.
    const pieces: AsyncIterable<Uint8Array> = incoming;
    for await (const piece of pieces) {
      watch.heard();
      yield piece;
    }
  } catch (error) {
    throw faultOf(watch.fault ?? error, true);
  } finally {
    watch.stop();
  }
}

/**
 * Ends the request when it is silent for too long, or its caller leaves. Why is
 * kept here and not handed to `destroy`: with the answer read but not yet
 * consumed, the socket says it again when nobody listens, and the process ends.
 */
class Watch {
  readonly #request: http.ClientRequest;
  readonly #silenceMs: number;
  readonly #signal: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #fault: Error | undefined;

  constructor(
    request: http.ClientRequest,
    { connectMs, silenceMs }: CallTimeouts,
    signal: AbortSignal | undefined,
  ) {
    this.#request = request;
    this.#silenceMs = silenceMs;
    this.#signal = signal;
    this.#expect("unreachable", connectMs);
    signal?.addEventListener("abort", this.#leave);
    if (signal?.aborted) this.#leave();
  }

  /** Why it ended the request, if it did. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  /** The connection stands, or bytes came. */
  heard(): void {
    this.#expect("timed_out", this.#silenceMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#leave);
  }

  #expect(orElse: WireFaultCode, withinMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(new WireFault(orElse)), withinMs);
  }

  readonly #leave = (): void => this.#end(new DOMException("The call was left.", "AbortError"));

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
