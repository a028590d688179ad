import type { LoadResult } from "./load.ts";

/** What the bare `node:http` server says, and how long after the request. */
export interface BareAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly afterMs: number;
}

/** Added by `node:http` itself, to both servers. */
const ownOfNode = new Set(["date", "connection", "keep-alive"]);

/** The same bytes as the pipeline's answer. */
export function bareAnswerOf(
  { head, body }: NonNullable<LoadResult["sample"]>,
  afterMs: number,
): BareAnswer {
  const lines = head.trimEnd().split("\r\n").slice(1);
  const headers = lines
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()])
    .filter(([name = ""]) => !ownOfNode.has(name.toLowerCase()));
  return { headers: Object.fromEntries(headers), body, afterMs };
}
