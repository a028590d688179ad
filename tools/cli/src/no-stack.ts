import { TransientFault } from "@sluice/domain";

export type AddressFaultCode = "CLI_NO_STACK";
const noStackCode: AddressFaultCode = "CLI_NO_STACK";

/** Returns the fault of a command that finds no local stack. @param alternative ends the sentence "Run …, or …" */
export function noStack(alternative: string): TransientFault {
  return new TransientFault(
    noStackCode,
    `No local stack is running. Run "sluice up" first, or ${alternative}.`,
  );
}

/** Returns the fault of a command that would send a password to a process that is not of the user's stack. */
export function notOwnListener(address: string): TransientFault {
  return new TransientFault(
    noStackCode,
    `No process of your account listens on ${address}, so its password was not sent. Run "sluice status" to see whether the local stack is starting, or restart it with "sluice down" and "sluice up".`,
  );
}
