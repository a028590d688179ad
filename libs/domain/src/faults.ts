/** An event that the program did not decide. A refusal is a value and never a fault. */
export abstract class Fault extends Error {
  /** From the closed list of the package that throws it. docs/reference/errors.md documents each code. */
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** An outage, which ends without a change to the message. The stage pauses and retries the same messages indefinitely. */
export class TransientFault extends Fault {
  /** The delay that the other side asked for; undefined if it did not state one. */
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

/** A fault that a retry does not repair. The message becomes a dead letter, and the stage continues with the next one. */
export class PermanentFault extends Fault {}

/** A mistake in the program. It isolates one message while the stage runs, and ends the process at start. */
export class Defect extends Fault {}

/** Throws a {@link Defect} if the condition is false. */
export function assert(condition: unknown, code: string, message: string): asserts condition {
  if (!condition) throw new Defect(code, message);
}
