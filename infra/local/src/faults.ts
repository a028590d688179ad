import { PermanentFault } from "@sluice/domain";

/** Everything that keeps a local stack from running. Each message is one sentence that names the remedy. */
export type StackFaultCode =
  | "STACK_JAVA_MISSING"
  | "STACK_MAVEN_MISSING"
  | "STACK_UNPACKER_MISSING"
  | "STACK_DOWNLOAD_FAILED"
  | "STACK_DIRECTORY_UNWRITABLE"
  | "STACK_PORT_INVALID"
  | "STACK_PORT_TAKEN"
  | "STACK_REDIS_MISSING"
  | "STACK_POSTGRES_MISSING"
  | "STACK_EXTERNAL_UNREACHABLE"
  | "STACK_ALREADY_RUNNING"
  | "STACK_NOT_BUILT"
  | "STACK_CONFIG_INVALID"
  | "STACK_STATE_UNREADABLE"
  | "STACK_PROGRAM_FAILED"
  | "STACK_INTERRUPTED";

export class StackFault extends PermanentFault {
  declare readonly code: StackFaultCode;

  // oxlint-disable-next-line eslint/no-useless-constructor -- takes this package's codes alone
  constructor(code: StackFaultCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, options);
  }
}

/** `ENOENT` and the like; undefined for what is no error of the system. */
export function errorCodeOf(error: unknown): string | undefined {
  const hasCode = error instanceof Error && "code" in error && typeof error.code === "string";
  return hasCode ? String(error.code) : undefined;
}

/** Thrown when a start was interrupted; whoever catches it stops what was started. */
export function interrupted(): StackFault {
  return new StackFault("STACK_INTERRUPTED", "Interrupted while starting.");
}

export function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw interrupted();
}
