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
    "PostgreSQL of the ledger: postgres://user:password@host:port/database, with TLS " +
      "?sslmode=verify-full&sslrootcert=<PEM file of the CA>.",
  ),
  SLUICE_SWEEP_GRACE_SECONDS: countKey(
    60,
    { min: 0, max: 86_400 },
    "How long after an attempt's deadline its usage may still come in before it is estimated.",
  ),
  SLUICE_SWEEP_INTERVAL_SECONDS: countKey(
    10,
    { min: 1, max: 3_600 },
    "How often attempts without usage are looked for.",
  ),
});

export type Config = z.output<typeof configSchema>;
