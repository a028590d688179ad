import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { noUsage, type BilledUsage } from "./usage.ts";

/** The end of a call, which determines what is billed. */
export type BillReason =
  /** Billed. The answer was computed, and a stream was sent to its end. */
  | "answered"
  /**
   * Billed. The client disconnected before the end. A stream is billed for its input and the tokens that were
   * sent.
   */
  | "client-closed"
  /** Billed for the input and the tokens that were sent. A fault cut the stream. */
  | "cut-stream"
  /** Billed like a cut stream, but the stream ends with an error. */
  | "error-after"
  /** Billed in full, but never answered. */
  | "timeout-after-billing"
  /** Not billed. */
  | "rate-limited"
  | "server-error"
  | "overloaded"
  | "payment-required"
  | "quota-exhausted"
  | "error-in-200"
  | "hung"
  /** Not billed, because the simulator exited before it could bill the call. */
  | "simulator-died";

interface CallEntry {
  readonly attemptId: string;
  readonly model: string;
}

/** One entry of the journal. */
export type BillEntry =
  | (CallEntry & { readonly event: "begun"; readonly stream: boolean })
  | (CallEntry & {
      readonly event: "billed";
      readonly usage: BilledUsage;
      readonly reason: BillReason;
      readonly at: number;
    })
  | (CallEntry & { readonly event: "unbilled"; readonly reason: BillReason });

/** Stores the entries of the bill, so that a restarted simulator has the same bill. */
export abstract class BillJournal {
  abstract read(): readonly BillEntry[];
  abstract append(entry: BillEntry): void;
  abstract clear(): void;
}

/** Stores nothing. A restarted simulator has an empty bill. */
export class NoBillJournal extends BillJournal {
  override read(): readonly BillEntry[] {
    return [];
  }

  override append(): void {}

  override clear(): void {}
}

/**
 * Stores one JSON line for each entry. Appends are synchronous. If the process is killed after the last byte
 * of an answer, the file therefore contains the charge of this answer. Entries survive kill -9, but they are
 * not fsynced, so a loss of power may lose the last ones.
 */
export class FileBillJournal extends BillJournal {
  readonly #path: string;

  constructor(path: string) {
    super();
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
  }

  /**
   * Reads all entries. A last line without a line break was torn by a kill. It is removed, because the next
   * entry would be appended to it.
   */
  override read(): readonly BillEntry[] {
    if (!existsSync(this.#path)) return [];
    const text = readFileSync(this.#path, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole.length < text.length) writeFileSync(this.#path, whole);
    return whole
      .split("\n")
      .filter((line) => line !== "")
      .map(entryOf);
  }

  override append(entry: BillEntry): void {
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
  }

  override clear(): void {
    writeFileSync(this.#path, "");
  }
}

/**
 * Parses an entry without checking its shape, because only the simulator writes the journal. A journal of an earlier
 * version has no tokens of the classes that did not exist.
 */
function entryOf(line: string): BillEntry {
  const entry: BillEntry = JSON.parse(line);
  return entry.event === "billed" ? { ...entry, usage: { ...noUsage, ...entry.usage } } : entry;
}
