import { countKey, declarationKeys, platformKeys, secret } from "@sluice/service-host";
import { z } from "zod";
import { ledgerAddressProblem } from "./ledger/ledger-address.ts";

export const configSchema = z.object({
  ...platformKeys,
  ...declarationKeys,
  SLUICE_LEDGER_URL: secret(
    z.string().superRefine((address, context) => {
      const message = ledgerAddressProblem(address);
      if (message !== undefined) context.addIssue(message);
    }),
    "PostgreSQL of the ledger, as postgres://user:password@host:port/database; for TLS, add " +
      "?sslmode=verify-full&sslrootcert=<PEM file of the CA>.",
  ),
  SLUICE_SWEEP_GRACE_SECONDS: countKey(
    60,
    { min: 0, max: 86_400 },
    "How long after the deadline of an attempt its usage may still be reported before the sweep estimates it, in seconds.",
  ),
  SLUICE_SWEEP_INTERVAL_SECONDS: countKey(
    10,
    { min: 1, max: 3_600 },
    "How often the sweep looks for attempts without usage, in seconds.",
  ),
});

export type Config = z.output<typeof configSchema>;
