import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { PermanentFault } from "@sluice/domain";
import { printToStderr, jsonOf, print, printJson } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import type { EdgeClient } from "./edge-client.ts";
import { ProgressBar } from "./progress-bar.ts";
import { type BadLine, fileBytesMax, type PromptLine, promptLinesOf } from "./prompt-lines.ts";
import { resultOf } from "./result-line.ts";
import { type Summary, summaryText, Tally } from "./tally.ts";

export interface SendFileOptions {
  readonly edge: EdgeClient;
  readonly output?: string | undefined;
  readonly model: string;
  readonly round: number;
  readonly concurrency: number;
  /** Seconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly json: boolean;
}

export type SendFaultCode = "CLI_FILE_UNUSABLE";

const exitInterrupted = 130;
/** Up to this many malformed lines are named; more are only counted. */
const namedMax = 10;

/**
 * Sends every line, and writes each result on arrival, so that an interrupted run keeps the answers
 * that it paid for. A line without an answer also has a result, and does not end the run.
 */
export async function sendFile(file: string, options: SendFileOptions): Promise<number> {
  const lines = linesOf(file, options);
  const { output, json, signal } = options;
  const sink = output === undefined ? undefined : openForWriting(output);
  const write = (text: string) => (sink === undefined ? print(text) : writeSync(sink, text));
  try {
    const summary = await sendAll(lines, options, write);
    if (!json) printToStderr(summaryText(summary));
    else if (sink === undefined) print(`${jsonOf({ summary })}\n`);
    else printJson(summary);
    if (signal.aborted) return exitInterrupted;
    return summary.answered === summary.lines ? 0 : 1;
  } finally {
    if (sink !== undefined) closeSync(sink);
  }
}

/** @throws UsageError naming every malformed line, before anything is sent */
function linesOf(file: string, { model, round }: SendFileOptions): readonly PromptLine[] {
  const content = contentOf(file);
  if (content.length > fileBytesMax)
    throw new UsageError(
      `${file} is larger than the limit of ${fileBytesMax / 1024 / 1024} MiB. Split it.`,
    );
  const { lines, bad } = promptLinesOf(content, model, round);
  if (bad.length > 0)
    throw new UsageError(`${file} was not sent. Correct these lines:\n${malformedLinesText(bad)}`);
  return lines;
}

function malformedLinesText(bad: readonly BadLine[]): string {
  const named = bad.slice(0, namedMax).map(({ line, reason }) => `  line ${line}: ${reason}\n`);
  const more = bad.length - named.length;
  return named.join("") + (more > 0 ? `  and ${more} more lines\n` : "");
}

async function sendAll(
  lines: readonly PromptLine[],
  { edge, output, concurrency, timeout, signal }: SendFileOptions,
  write: (text: string) => void,
): Promise<Summary> {
  const startMs = performance.now();
  const tally = new Tally(lines.length);
  const bar = new ProgressBar(lines.length);
  const sharesTerminal = output === undefined && process.stdout.isTTY;
  // All workers share one iterator, so each takes the next line that no other worker has taken.
  const queue = lines.values();
  const work = async (): Promise<void> => {
    for (const { line, id, body, idempotencyKey } of queue) {
      if (signal.aborted) return;
      const pending = edge.ask(body, { idempotencyKey, timeoutMs: timeout * 1000, signal });
      // oxlint-disable-next-line no-await-in-loop -- one line per worker at a time bounds the concurrency
      const answer = await pending.catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
      if (answer === undefined) return;
      tally.add(answer);
      if (sharesTerminal) bar.clear();
      write(`${jsonOf({ line, ...(id === null ? {} : { id }), ...resultOf(answer) })}\n`);
      bar.draw(tally.done, tally.unanswered);
    }
  };
  bar.draw(0, 0);
  try {
    await Promise.all(Array.from({ length: concurrency }, work));
  } finally {
    bar.clear();
  }
  return tally.summaryAfter((performance.now() - startMs) / 1000);
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file === "-" ? 0 : file);
  } catch (cause) {
    throw unusableFile(`Cannot read ${file}`, cause);
  }
}

function openForWriting(file: string): number {
  try {
    return openSync(file, "w");
  } catch (cause) {
    throw unusableFile(`Cannot write to ${file}`, cause);
  }
}

function unusableFile(what: string, cause: unknown): PermanentFault {
  const code: SendFaultCode = "CLI_FILE_UNUSABLE";
  const reason = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new PermanentFault(code, `${what}${reason}. Check its path and permissions.`, { cause });
}
