import { connectionTroubleOf, PermanentFault, TransientFault } from "@sluice/domain";
import { DatabaseError } from "pg";
import type { AccountantFaultCode } from "../faults.ts";

const refusedCode: AccountantFaultCode = "LEDGER_REFUSED";
const unavailableCode: AccountantFaultCode = "LEDGER_UNAVAILABLE";

/**
 * Classes of SQLSTATE that end by waiting: connection, resources, an operator's intervention, a
 * serialisation failure or deadlock, a failed disk. A wrong password, database or right is among them,
 * because an operator corrects it, and usage must not become dead letters until then.
 */
const transientStates = /^(08|53|57|58|40|55P03|25006|28|3D000|42501)/;
/** Classes of SQLSTATE for a value that the database refuses, now and at every repetition. */
const refusedStates = /^22/;

/**
 * Runs `act` and converts errors of the database into faults. An error that is neither an outage nor a
 * refusal is a defect of this service, and is thrown unchanged.
 */
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
      return new PermanentFault(
        refusedCode,
        "PostgreSQL cannot store a value of this message, for example a text with a NUL character.",
        { cause },
      );
    return cause;
  }
  return isConnectionError(cause) ? unavailable(cause) : cause;
}

function unavailable(cause: unknown): TransientFault {
  const detail = cause instanceof DatabaseError ? cause.message : connectionTroubleOf(cause);
  const message = `The ledger's database is unavailable${detail ? `: ${detail}` : ""}.`;
  return new TransientFault(unavailableCode, message, { cause });
}

/** Returns the error of a start without a usable ledger. It names the address without the password. */
export function ledgerUnusable(variable: string, url: string, cause: unknown): Error {
  const { host, pathname } = new URL(url);
  const detail =
    cause instanceof DatabaseError
      ? `it says "${cause.message}"`
      : (connectionTroubleOf(cause) ?? (cause instanceof Error ? cause.message : String(cause)));
  return new Error(
    `The ledger at ${host}${pathname} cannot be used: ${detail}. ${remedyOf(variable, cause)}`,
    { cause },
  );
}

function remedyOf(variable: string, cause: unknown): string {
  // The same code refuses a whole connection; such an error is fatal.
  const mayNotCreate =
    cause instanceof DatabaseError && cause.code === "42501" && cause.severity === "ERROR";
  return mayNotCreate
    ? "Its account may not create the tables. Run migrate-main.js of the cost accountant with SLUICE_LEDGER_OWNER_URL first."
    : `Check ${variable} and the server.`;
}

/** Messages of the driver for outages that have no code. Errors of sockets have one. */
const driverOutages =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Cannot use a pool after)/;

function isConnectionError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (driverOutages.test(error.message)) return true;
  return "code" in error && typeof error.code === "string" && /^(E[A-Z]+)$/.test(error.code);
}
