import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { BilledUsage } from "./usage.ts";

/** How a call ended. */
export type BillReason =
  /** Billed: the answer was computed; for a stream also sent to its end. */
  | "answered"
  /** Billed: the client left before its end; a stream for input and what was sent. */
  | "client-closed"
  /** Billed: a fault cut the stream; input and what was sent. */
  | "cut-stream"
  /** Billed in full, and never answered. */
  | "timeout-after-billing"
  /** Not billed. */
  | "rate-limited"
  | "server-error"
  | "hung"
  /** Not billed: the simulator died before it could. */
  | "simulator-died";

interface CallEntry {
  readonly attemptId: string;
  readonly model: string;
}

export type BillEntry =
  | (CallEntry & { readonly event: "begun"; readonly stream: boolean })
  | (CallEntry & {
      readonly event: "billed";
      readonly usage: BilledUsage;
      readonly reason: BillReason;
      readonly at: number;
    })
  | (CallEntry & { readonly event: "unbilled"; readonly reason: BillReason });

/** Where the bill is kept between two lives of the simulator. */
export abstract class BillJournal {
  abstract read(): readonly BillEntry[];
  abstract append(entry: BillEntry): void;
  abstract clear(): void;
}

/** Keeps nothing: a restarted simulator has an empty bill. */
export class NoBillJournal extends BillJournal {
  override read(): readonly BillEntry[] {
    return [];
  }

  override append(): void {}

  override clear(): void {}
}

/**
 * One JSON line per entry. Appends are synchronous, so that what was billed before an
 * answer's last byte is in the file when the process is killed after it. They survive
 * kill -9; they are not fsynced, so a loss of power may take the last of them.
 */
export class FileBillJournal extends BillJournal {
  readonly #path: string;

  constructor(path: string) {
    super();
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
  }

  /** A last line without its end was torn by a kill; it is cut off, or it would spoil the next. */
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

/** Nobody but the simulator writes the journal, so its shape is taken on trust. */
function entryOf(line: string): BillEntry {
  return JSON.parse(line);
}
