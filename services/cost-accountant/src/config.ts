import { isLoopback } from "@sluice/domain";
import {
  attributionKeys,
  costsKeys,
  countKey,
  declarationKeys,
  platformKeys,
  secret,
  stateKeys,
  secretLengthMin,
} from "@sluice/service-host";
import { z } from "zod";
import { ledgerAddressProblem } from "./ledger/ledger-address.ts";

const ledgerAddress = z.string().superRefine((address, context) => {
  const message = ledgerAddressProblem(address);
  if (message !== undefined) context.addIssue(message);
});

const previousSecrets = z
  .string()
  .default("")
  .transform((text) => text.split(/[\s,]+/).filter((part) => part !== ""))
  .refine((secrets) => secrets.every(({ length }) => length >= secretLengthMin), {
    error: `has a secret of fewer than ${secretLengthMin} characters`,
  });

const keys = z.object({
  ...platformKeys,
  ...declarationKeys,
  ...stateKeys,
  SLUICE_LEDGER_URL: secret(
    ledgerAddress,
    "PostgreSQL of the ledger, as postgres://user:password@host:port/database; for TLS, add " +
      "?sslmode=verify-full&sslrootcert=<PEM file of the CA>.",
  ),
  ...attributionKeys,
  SLUICE_ATTRIBUTION_SECRET_PREVIOUS: secret(
    previousSecrets,
    "Secrets that ingress signed with before, separated by commas or line breaks. Records with their signatures are still charged.",
  ),
  SLUICE_ATTRIBUTION_UNSIGNED_UNTIL: z.iso
    .datetime({ offset: true, error: "is not a time such as 2026-12-31T00:00:00Z" })
    .transform((text) => Date.parse(text))
    .optional()
    .describe(
      "Time (RFC 3339) until which records without a signature are charged, because version 0.1.0 wrote them. Records that were appended later, or all of them without this key, become dead letters.",
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
  ...costsKeys,
});

/** An operator who opens the admin port learns here that it shows the costs, and not when another program has read them. */
export const configSchema = keys.refine(isCostsTokenThere, {
  path: ["SLUICE_COSTS_TOKEN"],
  error:
    "is missing, but SLUICE_ADMIN_HOST is not on loopback, so that other machines could read the costs of all tenants: set it, or SLUICE_COSTS_TOKEN_FILE, or set SLUICE_ADMIN_HOST to 127.0.0.1",
  // Is checked even if another key is wrong, so that all errors are reported together.
  when: () => true,
});

function isCostsTokenThere(config: Partial<z.output<typeof keys>>): boolean {
  return config.SLUICE_COSTS_TOKEN !== undefined || isLoopback(config.SLUICE_ADMIN_HOST ?? "");
}

/** What the program reads that creates the ledger's tables as their owner. */
export const migrationSchema = keys
  .pick({ SLUICE_KAFKA_TOPIC_PREFIX: true, SLUICE_LEDGER_URL: true })
  .extend({
    SLUICE_LEDGER_OWNER_URL: secret(
      ledgerAddress,
      "The same database with the account that owns the tables. The account in SLUICE_LEDGER_URL gets only the rights that the accountant needs.",
    ),
  });

export type Config = z.output<typeof configSchema>;
