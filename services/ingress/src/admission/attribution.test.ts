import { isAttributionSigned } from "@sluice/contracts";
import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { ApiKeys } from "./api-keys.ts";
import { attributionOf } from "./attribution.ts";

const secret = "a secret of ingress and accountant";
const { key } = new ApiKeys(someDeclarations()).secretOf("k3")!;

test("a request is attributed to the tenant, team, feature and user of its key, and signed for its id", () => {
  const attribution = attributionOf(key, "r-1", secret);
  expect(attribution).toEqual({
    ...{ tenant: "globex", team: "ops", feature: "tickets", user: "bot", key: "k3" },
    signature: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(isAttributionSigned(attribution, "r-1", [secret])).toBe(true);
  expect(isAttributionSigned(attribution, "r-2", [secret])).toBe(false);
});
