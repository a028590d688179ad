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
  | "STAGE_MESSAGE_TOO_LONG"
  | "STAGE_BATCH_TOO_LONG"
  | "STAGE_BATCH_UNREADABLE"
  | "STAGE_CONSUMER_CRASHED"
  | "STAGE_CONSUMER_SILENT"
  | "STAGE_CONSUMER_STUCK"
  | "STAGE_KAFKAJS_UNSUPPORTED";

/** The code a dead letter carries for what was thrown: a fault's own, else the stage's word for a defect. */
export function codeOf(thrown: unknown, fallback: StageFaultCode): string {
  return thrown instanceof Fault ? thrown.code : fallback;
}

export function isOutage(thrown: unknown): thrown is TransientFault {
  return thrown instanceof TransientFault;
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** How a message leaves that made its handler throw, alone. A defect's own code is for the log. */
export function poisonOf(thrown: unknown): { readonly code: string; readonly reason: string } {
  const code = thrown instanceof PermanentFault ? thrown.code : "STAGE_DEFECT";
  return { code, reason: messageOf(thrown) };
}
