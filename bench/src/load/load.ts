import type { Schedule } from "./schedule.ts";

/** What the generator's process is asked to do. Numbers and texts alone: it crosses a process. */
export interface Load {
  readonly port: number;
  readonly schedule: Schedule;
  /** The request's bytes; the first run of eight `#` is replaced by a number of its own. */
  readonly request: string;
  readonly firstNumber: number;
  /** How long after the last start answers are waited for, in ms. */
  readonly graceMs: number;
}

export interface LoadResult {
  /** From the scheduled start to the last byte; infinite without an answer of status 200. */
  readonly latenciesMs: Float64Array;
  /** Failures by what was seen: a status, an error's code, `unanswered`. */
  readonly failures: Readonly<Record<string, number>>;
  /** From the first start to the last answer. */
  readonly elapsedMs: number;
  readonly socketsPeak: number;
  /** The last response of status 200: its head, and its body. */
  readonly sample: { readonly head: string; readonly body: string } | null;
}

export const placeholder = "########";

/** A whole HTTP request, ready for the socket. */
export function requestText(path: string, headers: Readonly<Record<string, string>>, body: string) {
  const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body)) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${head}\r\n${body}`;
}
