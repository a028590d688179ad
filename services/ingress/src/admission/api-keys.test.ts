import { silentLogger } from "@sluice/stage";
import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { ApiKeys } from "./api-keys.ts";

const keys = new ApiKeys(someDeclarations(), silentLogger);

test("a bearer token is the key's id and its whole secret, which may have dashes", () => {
  expect(keys.authenticate("Bearer sk-sluice-k1-one-secret-of-search")?.id).toBe("k1");
  expect(keys.authenticate("bearer sk-sluice-k3-three-secrets-of-ops")?.tenant).toBe("globex");
});

test.each(["Bearer", "bearer", "BEARER", "bEaReR"])(
  "the scheme may be written as %s, with one or more spaces behind it",
  (scheme) => {
    for (const spaces of [" ", "  ", "     "])
      expect(keys.authenticate(`${scheme}${spaces}sk-sluice-k1-one-secret-of-search`)?.id).toBe(
        "k1",
      );
  },
);

test.each([
  undefined,
  "",
  "Bearersk-sluice-k1-one-secret-of-search",
  "Bearer\tsk-sluice-k1-one-secret-of-search",
  "Basic sk-sluice-k1-one-secret-of-search",
  "Bearer, sk-sluice-k1-one-secret-of-search",
  "sk-sluice-k1-one-secret-of-search",
  "Bearer sk-sluice-k1-one",
  "Bearer sk-sluice-k1-",
  "Bearer sk-sluice-k3-one-secret-of-search",
  "Bearer sk-sluice-unknown-one-secret-of-search",
  "Bearer sk-sluice-former-two",
  "Bearer sk-sluice-k1-one-secret-of-search and more",
])("the header '%s' authenticates no key", (authorization) => {
  expect(keys.authenticate(authorization)).toBeUndefined();
});

test("a signature is checked with the secret of a known key that is not revoked", () => {
  expect(keys.secretOf("k1")?.secret).toBe("one-secret-of-search");
  expect(keys.secretOf("former")).toBeUndefined();
  expect(keys.secretOf("unknown")).toBeUndefined();
});
