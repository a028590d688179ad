import { Fault, PermanentFault, TransientFault } from "@sluice/domain";

/** Every code this package throws, logs or writes into a dead letter. */
export type StageFaultCode =
  | "STAGE_UNDECODABLE"
  | "STAGE_DEFECT"
  | "STAGE_EFFECTS_MISCOUNTED"
  | "STAGE_NO_DEAD_LETTER_TOPIC"
  | "STAGE_OUTCOME_REFUSED"
  | "STAGE_BROKER_UNAVAILABLE"
  | "STAGE_PRODUCER_FULL"
  | "STAGE_PRODUCER_CLOSED"
  | "STAGE_MESSAGE_REFUSED"
  | "STAGE_MESSAGE_UNPUBLISHED"
  | "STAGE_MESSAGE_TOO_LONG"
  | "STAGE_BATCH_TOO_LONG"
  | "STAGE_BATCH_UNREADABLE"
  | "STAGE_CONSUMER_CRASHED"
  | "STAGE_CONSUMER_SILENT"
  | "STAGE_CONSUMER_STUCK"
  | "STAGE_CONSUMER_UNASSIGNED"
  | "STAGE_KAFKAJS_UNSUPPORTED";

/** Returns the code for a dead letter: that of a fault, and the fallback for other errors. */
export function codeOf(thrown: unknown, fallback: StageFaultCode): string {
  return thrown instanceof Fault ? thrown.code : fallback;
}

export function isOutage(thrown: unknown): thrown is TransientFault {
  return thrown instanceof TransientFault;
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * Returns code and reason for the dead letter of a message whose handler threw. The code of a
 * defect is only logged.
 */
export function poisonOf(thrown: unknown): { readonly code: string; readonly reason: string } {
  const code = thrown instanceof PermanentFault ? thrown.code : "STAGE_DEFECT";
  return { code, reason: messageOf(thrown) };
}
