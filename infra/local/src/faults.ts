import { PermanentFault } from "@sluice/domain";

/** The reasons why a local stack cannot run. Each message states what happened, why, and what to do. */
export type StackFaultCode =
  | "STACK_ACCOUNTS_UNUSED"
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

/** A fault of the local stack. The launcher does not retry it: a person has to act. */
export class StackFault extends PermanentFault {
  declare readonly code: StackFaultCode;

  // oxlint-disable-next-line eslint/no-useless-constructor -- accepts only the codes of this package
  constructor(code: StackFaultCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, options);
  }
}

/** Returns the code of a system error, for example `ENOENT`, or undefined for any other error. */
export function errorCodeOf(error: unknown): string | undefined {
  const hasCode = error instanceof Error && "code" in error && typeof error.code === "string";
  return hasCode ? String(error.code) : undefined;
}

/** Returns the fault of an interrupted start. The caller that catches it stops the processes that were started. */
export function interrupted(): StackFault {
  return new StackFault("STACK_INTERRUPTED", "The start was interrupted.");
}

/** @throws StackFault `STACK_INTERRUPTED` if the signal is aborted */
export function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw interrupted();
}
