import { readFileSync } from "node:fs";
import { uuidv7 } from "@sluice/domain";
import { edgeAddress } from "../addresses.ts";
import { printToStderr, replaceControlCharacters, inColour, print, printJson } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import type { Answer } from "./answer.ts";
import { EdgeClient } from "./edge-client.ts";
import { resultOf } from "./result-line.ts";
import { sendFile } from "./send-file.ts";

export interface SendOptions {
  readonly file?: string | undefined;
  readonly output?: string | undefined;
  readonly model: string;
  readonly stream: boolean;
  readonly concurrency: number;
  /** Seconds. */
  readonly timeout: number;
  readonly round: number;
  readonly url?: string | undefined;
  readonly key?: string | undefined;
  readonly dataDir: string;
  readonly json: boolean;
}

const exitInterrupted = 130;

/** Runs `sluice send`, which sends one prompt or a file of prompts. @throws UsageError */
export async function send(prompt: string | undefined, options: SendOptions): Promise<number> {
  assertUsable(prompt, options);
  const edge = new EdgeClient(await edgeAddress(options, options.dataDir, process.env));
  const interrupt = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => interrupt.abort());
  if (options.file !== undefined)
    return sendFile(options.file, { ...options, edge, signal: interrupt.signal });
  return sendOne(prompt === "-" ? readFileSync(0, "utf8") : (prompt ?? ""), {
    ...options,
    edge,
    signal: interrupt.signal,
  });
}

function assertUsable(prompt: string | undefined, options: SendOptions): void {
  const { file, output, stream } = options;
  if ((prompt === undefined) === (file === undefined))
    throw new UsageError('Give either one prompt, such as sluice send "Hello", or a --file.');
  if (file !== undefined && stream)
    throw new UsageError(
      "--stream works only with one prompt, because a file's answers are written whole.",
    );
  if (file === undefined && output !== undefined)
    throw new UsageError("--output works only with --file.");
}

async function sendOne(
  prompt: string,
  options: SendOptions & { readonly edge: EdgeClient; readonly signal: AbortSignal },
): Promise<number> {
  const { edge, model, timeout, signal, stream, json } = options;
  const body = { model, messages: [{ role: "user", content: prompt }] };
  const tokens = { onText: (text: string) => (json ? undefined : print(terminalSafe(text))) };
  try {
    const answer = await edge.ask(body, {
      idempotencyKey: `sluice-send-${uuidv7(Date.now())}`,
      timeoutMs: timeout * 1000,
      signal,
      ...(stream ? tokens : {}),
    });
    if (json) printJson(resultOf(answer));
    else printAnswer(answer, stream);
    return answer.kind === "answered" ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return exitInterrupted;
    throw error;
  }
}

function printAnswer(answer: Answer, wasStreamed: boolean): void {
  if (answer.kind === "answered")
    return print(wasStreamed ? "\n" : `${terminalSafe(answer.text)}\n`);
  const kind = answer.kind === "declined" ? "Declined" : "Failed";
  const reason = `${answer.message} (${answer.code})`;
  printToStderr(`${inColour("red", kind, process.stderr)}: ${replaceControlCharacters(reason)}\n`);
}

/**
 * Replaces control characters if the output is a terminal, because the model's text is untrusted. A
 * file or a pipe receives the text unchanged.
 */
function terminalSafe(text: string): string {
  return process.stdout.isTTY ? replaceControlCharacters(text) : text;
}
