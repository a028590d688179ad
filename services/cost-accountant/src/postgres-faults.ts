import { PermanentFault, TransientFault } from "@sluice/domain";
import { DatabaseError } from "pg";
import type { AccountantFaultCode } from "./faults.ts";

const refusedCode: AccountantFaultCode = "LEDGER_REFUSED";
const unavailableCode: AccountantFaultCode = "LEDGER_UNAVAILABLE";

/**
 * Classes of SQLSTATE that waiting heals: connection, resources, an operator's
 * intervention, a serialisation failure or deadlock, a disk that failed.
 */
const transientStates = /^(08|53|57|58|40|55P03|25006)/;
/** The store has understood and refuses the value; it will refuse it again. */
const refusedStates = /^22/;

/** What the store's error means for the stage. What is neither outage nor refusal is our own defect, and is thrown as it came. */
export async function withLedgerFaults<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw ledgerFaultOf(cause);
  }
}

function ledgerFaultOf(cause: unknown): unknown {
  if (cause instanceof DatabaseError) {
    const state = cause.code ?? "";
    if (transientStates.test(state)) return unavailable(cause);
    if (refusedStates.test(state))
      return new PermanentFault(refusedCode, "The ledger cannot hold a value.", { cause });
    return cause;
  }
  return isConnectionError(cause) ? unavailable(cause) : cause;
}

function unavailable(cause: unknown): TransientFault {
  return new TransientFault(unavailableCode, "The ledger does not answer.", { cause });
}

/** The driver has no codes for these; sockets have theirs. */
const driverOutages =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Cannot use a pool after)/;

function isConnectionError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (driverOutages.test(error.message)) return true;
  return "code" in error && typeof error.code === "string" && /^(E[A-Z]+)$/.test(error.code);
}
