import { attributionSignatureOf } from "@sluice/contracts";
import { expect, test } from "vitest";
import { attributionSecret, intentOf, meteredOf } from "../../test/fixtures.ts";
import { attributionProblemOf, vouchedAttributionOf } from "./attribution-check.ts";

const at = Date.UTC(2026, 5, 1);
const trust = { secret: attributionSecret, previousSecrets: [], unsignedUntil: null };
const unsigned = { ...meteredOf(), attribution: { ...meteredOf().attribution, signature: "" } };
const codeOf = (...given: Parameters<typeof attributionProblemOf>) =>
  attributionProblemOf(...given)?.code;

test("a record with the signature of ingress is believed", () => {
  expect(attributionProblemOf(meteredOf(), trust, at)).toBeUndefined();
});

test("another team, or another request, with the same signature is a mismatch", () => {
  const { attribution } = meteredOf();
  const others = [
    meteredOf({ attribution: { ...attribution, team: "other" } }),
    meteredOf({ attribution, requestId: "other" }),
  ];
  for (const other of others) expect(codeOf(other, trust, at)).toBe("ATTRIBUTION_MISMATCH");
});

test("after a rotation, records with a previous secret are believed as long as it is configured", () => {
  const rotated = { ...trust, secret: "a new secret of both, with 32 signs" };
  expect(codeOf(meteredOf(), rotated, at)).toBe("ATTRIBUTION_MISMATCH");
  const both = { ...rotated, previousSecrets: ["an even older one", attributionSecret] };
  expect(attributionProblemOf(meteredOf(), both, at)).toBeUndefined();
});

test("a record without a signature is believed only if it was appended before the configured time", () => {
  expect(codeOf(unsigned, trust, at)).toBe("ATTRIBUTION_UNSIGNED");
  const until = { ...trust, unsignedUntil: at };
  expect(attributionProblemOf(unsigned, until, at - 1)).toBeUndefined();
  expect(codeOf(unsigned, until, at)).toBe("ATTRIBUTION_UNSIGNED");
});

test("a wrong signature is a mismatch also while records without a signature are believed", () => {
  const wrong = meteredOf({ attribution: { ...meteredOf().attribution, signature: "0" } });
  expect(codeOf(wrong, { ...trust, unsignedUntil: at + 1 }, at)).toBe("ATTRIBUTION_MISMATCH");
});

test("the accountant signs for a stored intent only if its signature is missing or has expired", () => {
  const intent = intentOf();
  expect(vouchedAttributionOf(intent, trust)).toEqual(intent.attribution);
  const rotated = { ...trust, secret: "a new secret of both, with 32 signs" };
  const again = attributionSignatureOf(intent.attribution, intent.requestId, rotated.secret);
  expect(vouchedAttributionOf(intent, rotated)).toEqual({
    ...intent.attribution,
    signature: again,
  });
  const both = { ...rotated, previousSecrets: [attributionSecret] };
  expect(vouchedAttributionOf(intent, both)).toEqual(intent.attribution);
});
