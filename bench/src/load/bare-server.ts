import type { LoadResult } from "./load.ts";

/** The answer of the bare `node:http` server, and its delay in ms after the request. */
export interface BareAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly afterMs: number;
}

/** Headers that `node:http` itself adds, in both servers. */
const addedByNode = new Set(["date", "connection", "keep-alive"]);

/** Returns the answer that makes the bare server send the same bytes as the pipeline. */
export function bareAnswerOf(
  { head, body }: NonNullable<LoadResult["sample"]>,
  afterMs: number,
): BareAnswer {
  const lines = head.trimEnd().split("\r\n").slice(1);
  const headers = lines
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()])
    .filter(([name = ""]) => !addedByNode.has(name.toLowerCase()));
  return { headers: Object.fromEntries(headers), body, afterMs };
}
