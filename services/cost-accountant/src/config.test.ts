import { parseConfig } from "@sluice/service-host";
import { expect, test } from "vitest";
import { configSchema } from "./config.ts";

const complete = {
  SLUICE_KAFKA_BROKERS: "127.0.0.1:9",
  SLUICE_REGISTRY_URL: "http://127.0.0.1:9",
  SLUICE_CONFIG: "sluice.yaml",
  SLUICE_REDIS_URL: "redis://127.0.0.1:9",
  SLUICE_LEDGER_URL: "postgres://sluice@127.0.0.1:9/sluice",
  SLUICE_ATTRIBUTION_SECRET: "a".repeat(32),
};
const token = "a-token-of-16-ch";
const parse = (environment: NodeJS.ProcessEnv) =>
  parseConfig(configSchema, { ...complete, ...environment });

test.each(["0.0.0.0", "::", "10.0.0.1", "accountant.internal"])(
  "an admin port on %s without a token is refused, with both remedies",
  (host) => {
    expect(() => parse({ SLUICE_ADMIN_HOST: host })).toThrow(
      /SLUICE_COSTS_TOKEN: is missing.*set it.*or set SLUICE_ADMIN_HOST to 127\.0\.0\.1/,
    );
    expect(parse({ SLUICE_ADMIN_HOST: host, SLUICE_COSTS_TOKEN: token })).toMatchObject({
      SLUICE_COSTS_TOKEN: token,
    });
  },
);

test.each(["127.0.0.1", "::1", "localhost", "127.0.0.2"])(
  "an admin port on %s needs no token",
  (host) => {
    expect(parse({ SLUICE_ADMIN_HOST: host }).SLUICE_COSTS_TOKEN).toBeUndefined();
  },
);

test("a missing token is reported together with the other errors", () => {
  const environment = {
    SLUICE_ADMIN_HOST: "0.0.0.0",
    SLUICE_LEDGER_URL: "mysql://ledger",
  };
  expect(() => parse(environment)).toThrow(
    /LEDGER_URL: is not a postgres[^]*COSTS_TOKEN: is missing/,
  );
});

test.each(["canary-15-chars", "canary with spaces in it", "canary-with-an-é-in-it"])(
  "the token '%s' is refused without being shown",
  (wrong) => {
    expect(() => parse({ SLUICE_COSTS_TOKEN: wrong })).toThrow(/COSTS_TOKEN: .*16.*openssl/);
    expect(() => parse({ SLUICE_COSTS_TOKEN: wrong })).not.toThrow("canary");
  },
);

test("previous secrets are a list, and each must be as long as the current one", () => {
  const previous = ["b".repeat(32), "c".repeat(40)];
  const key = "SLUICE_ATTRIBUTION_SECRET_PREVIOUS";
  expect(parse({})[key]).toEqual([]);
  expect(parse({ [key]: ` ${previous.join(",")}\n` })[key]).toEqual(previous);
  expect(() => parse({ [key]: `${previous[0]},canary` })).toThrow(
    /PREVIOUS: has a secret of fewer/,
  );
  expect(() => parse({ [key]: `${previous[0]},canary` })).not.toThrow("canary");
});

test("the end of the upgrade is a time with an offset", () => {
  const key = "SLUICE_ATTRIBUTION_UNSIGNED_UNTIL";
  expect(parse({})[key]).toBeUndefined();
  expect(parse({ [key]: "2026-12-31T01:00:00+01:00" })[key]).toBe(Date.UTC(2026, 11, 31));
  for (const wrong of ["tomorrow", "2026-12-31", "2026-12-31T01:00:00"])
    expect(() => parse({ [key]: wrong })).toThrow(/UNSIGNED_UNTIL: is not a time such as/);
});
