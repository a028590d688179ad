import type { Schedule } from "./schedule.ts";

/** A load for the generator's process. It contains only numbers and texts, because it is sent to another process. */
export interface Load {
  readonly port: number;
  readonly schedule: Schedule;
  /** The bytes of a request. A different number replaces the first run of eight `#` in each request. */
  readonly request: string;
  readonly firstNumber: number;
  /** The most open sockets. Further requests wait for a socket, and this wait is part of their latency. */
  readonly socketsMax: number;
  /** How long the generator waits for answers after the last scheduled start, in ms. */
  readonly graceMs: number;
}

export interface LoadResult {
  /** Time from the scheduled start to the last byte; infinite without an answer of status 200. */
  readonly latenciesMs: Float64Array;
  /** Count of failures by cause: a status, the code of an error, or `unanswered`. */
  readonly failures: Readonly<Record<string, number>>;
  /** Time from the first start to the last answer, in ms. */
  readonly elapsedMs: number;
  readonly socketsPeak: number;
  /** Head and body of the last response of status 200. */
  readonly sample: { readonly head: string; readonly body: string } | null;
}

export const placeholder = "########";

/** Returns a complete HTTP request as text. */
export function requestText(path: string, headers: Readonly<Record<string, string>>, body: string) {
  const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body)) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${head}\r\n${body}`;
}
