import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { attributionOf, ApiKeys } from "./api-keys.ts";

const ring = new ApiKeys(someDeclarations());

test("a bearer token is its key's id and whole secret, dashes included", () => {
  expect(ring.authenticate("Bearer sk-sluice-k1-one-secret")?.id).toBe("k1");
  expect(ring.authenticate("bearer sk-sluice-k3-three")?.tenant).toBe("globex");
});

test.each([
  undefined,
  "",
  "sk-sluice-k1-one-secret",
  "Bearer sk-sluice-k1-one",
  "Bearer sk-sluice-k1-",
  "Bearer sk-sluice-k3-one-secret",
  "Bearer sk-sluice-nobody-one-secret",
  "Bearer sk-sluice-former-two",
  "Bearer sk-sluice-k1-one-secret and more",
])("%s opens nothing", (authorization) => {
  expect(ring.authenticate(authorization)).toBeUndefined();
});

test("a signature is checked with the secret of a key that stands", () => {
  expect(ring.secretOf("k1")?.secret).toBe("one-secret");
  expect(ring.secretOf("former")).toBeUndefined();
  expect(ring.secretOf("nobody")).toBeUndefined();
});

test("who pays is what the key's record says", () => {
  expect(attributionOf(ring.secretOf("k3")!.key)).toEqual({
    ...{ tenant: "globex", team: "ops", feature: "tickets", user: "bot", key: "k3" },
  });
});
