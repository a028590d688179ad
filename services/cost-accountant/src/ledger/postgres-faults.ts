import { connectionTroubleOf, PermanentFault, TransientFault } from "@sluice/domain";
import { DatabaseError } from "pg";
import type { AccountantFaultCode } from "../faults.ts";

const refusedCode: AccountantFaultCode = "LEDGER_REFUSED";
const unavailableCode: AccountantFaultCode = "LEDGER_UNAVAILABLE";

/**
 * Classes of SQLSTATE that waiting heals: connection, resources, an operator's
 * intervention, a serialisation failure or deadlock, a disk that failed; and a
 * password, database or right that an operator has to put right: usage must
 * not become dead letters meanwhile.
 */
const transientStates = /^(08|53|57|58|40|55P03|25006|28|3D000|42501)/;
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
  const said = cause instanceof DatabaseError ? cause.message : connectionTroubleOf(cause);
  const message = `The ledger does not answer${said ? `: ${said}` : ""}.`;
  return new TransientFault(unavailableCode, message, { cause });
}

/** Why the ledger cannot be used, at a start: names it without its password. */
export function ledgerUnusable(url: string, cause: unknown): Error {
  const { host, pathname } = new URL(url);
  const said =
    cause instanceof DatabaseError
      ? `it says "${cause.message}"`
      : (connectionTroubleOf(cause) ?? (cause instanceof Error ? cause.message : String(cause)));
  return new Error(`The ledger at ${host}${pathname} cannot be used: ${said}.`, { cause });
}

/** The driver has no codes for these; sockets have theirs. */
const driverOutages =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Cannot use a pool after)/;

function isConnectionError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (driverOutages.test(error.message)) return true;
  return "code" in error && typeof error.code === "string" && /^(E[A-Z]+)$/.test(error.code);
}
