import { isAttributionSigned } from "@sluice/contracts";
import { silentLogger } from "@sluice/stage";
import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { ApiKeys } from "./api-keys.ts";
import { attributionOf, type Named, namingRefusalOf } from "./attribution.ts";

const secret = "a secret of ingress and accountant";
const { key } = new ApiKeys(someDeclarations(), silentLogger).secretOf("k3")!;
const generous = {
  ...key,
  mayName: { user: ["*@globex.example"], feature: ["tickets", "beta.*"] },
};
const named = (changed: Partial<Named> = {}): Named => ({
  ...{ requestId: "r-1", user: null, feature: null },
  ...changed,
});

test("a request is attributed to the tenant, team, feature and user of its key, and signed for its id", () => {
  const attribution = attributionOf(key, named(), secret);
  expect(attribution).toEqual({
    ...{ tenant: "globex", team: "ops", feature: "tickets", user: "bot", key: "k3" },
    signature: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(isAttributionSigned(attribution, "r-1", [secret])).toBe(true);
  expect(isAttributionSigned(attribution, "r-2", [secret])).toBe(false);
});

test("a user and a feature that the key allows pay instead of those of the key, and are signed", () => {
  const request = named({ user: "ada@globex.example", feature: "beta.search" });
  expect(namingRefusalOf(generous, request, "http")).toBeUndefined();
  const attribution = attributionOf(generous, request, secret);
  const { user, feature } = request;
  expect(attribution).toMatchObject({ tenant: "globex", team: "ops", user, feature, key: "k3" });
  expect(isAttributionSigned(attribution, "r-1", [secret])).toBe(true);
});

test("a name that the key does not allow is refused, and never signed", () => {
  const request = named({ user: "eve@acme.example", feature: "beta.search" });
  expect(namingRefusalOf(generous, request, "kafka")?.code).toBe("name_not_allowed");
  const { user, feature } = attributionOf(generous, request, secret);
  expect([user, feature]).toEqual(["bot", "beta.search"]);
});

test("a client may name what its key has, although the key lets it name nothing else", () => {
  expect(namingRefusalOf(key, named({ user: "bot", feature: "tickets" }), "http")).toBeUndefined();
});

test.each([
  [
    "http",
    { user: "x" },
    "x-sluice-user",
    /^Header 'x-sluice-user' .*leave the header out.*mayName\.user/,
  ],
  [
    "kafka",
    { feature: "x" },
    "feature",
    /^Field 'feature' .*leave the field out.*mayName\.feature/,
  ],
] as const)(
  "over %s, the refusal of %j names %s and the remedy",
  (origin, given, param, reason) => {
    const refusal = namingRefusalOf(key, named(given), origin);
    expect(refusal).toMatchObject({ param, reason: expect.stringMatching(reason) });
  },
);

test("the refusal of a key that allows other names says so", () => {
  const refusal = namingRefusalOf(generous, named({ user: "x" }), "http");
  expect(refusal?.reason).toMatch(
    /does not allow this name; use one that 'mayName\.user' .* allows/,
  );
});
