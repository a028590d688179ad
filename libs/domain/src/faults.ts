/** What we did not decide. A refusal is a value, never a fault. */
export abstract class Fault extends Error {
  /** From the closed list of the package that throws it; documented in docs/reference/errors.md. */
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** An outage: waiting helps. The stage pauses and tries the same messages again, for ever. */
export class TransientFault extends Fault {
  /** How long the other side asked us to wait; undefined when it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    message: string,
    options?: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined },
  ) {
    super(code, message, options);
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Waiting does not help: this message becomes a dead letter, its neighbours pass. */
export class PermanentFault extends Fault {}

/** Our own mistake. Isolates one message while serving, ends the process at start. */
export class Defect extends Fault {}

export function assert(condition: unknown, code: string, message: string): asserts condition {
  if (!condition) throw new Defect(code, message);
}
