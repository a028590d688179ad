import { createHmac } from "node:crypto";
import { assert, property, string, tuple } from "fast-check";
import { expect, test } from "vitest";
import { attributionSignatureOf, isAttributionSigned } from "./attribution-signature.ts";

const secret = "a secret of ingress and accountant";
const payer = { tenant: "acme", team: "search", feature: "answers", user: "bot", key: "k1" };
const signed = { ...payer, signature: attributionSignatureOf(payer, "r-1", secret) };

test("the signature covers a label and each name behind its length, in a fixed order", () => {
  const fields = ["sluice.attribution.v1", "acme", "search", "answers", "bot", "k1", "r-1"];
  const parts = fields.flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    return [length, Buffer.from(field)];
  });
  const expected = createHmac("sha256", secret).update(Buffer.concat(parts)).digest("hex");
  expect(signed.signature).toBe(expected);
});

test.each(["tenant", "team", "feature", "user", "key"] as const)(
  "a change of the %s makes the signature invalid",
  (name) => {
    expect(isAttributionSigned({ ...signed, [name]: "other" }, "r-1", [secret])).toBe(false);
  },
);

test("a signature is valid for its request and under its secret only", () => {
  expect(isAttributionSigned(signed, "r-1", [secret])).toBe(true);
  expect(isAttributionSigned(signed, "r-2", [secret])).toBe(false);
  expect(isAttributionSigned(signed, "r-1", ["a secret of another installation"])).toBe(false);
  expect(isAttributionSigned(signed, "r-1", ["the secret of today, for instance", secret])).toBe(
    true,
  );
  expect(isAttributionSigned({ ...signed, signature: "" }, "r-1", [secret])).toBe(false);
});

test("no two lists of names have the same signature, wherever one name ends", () => {
  assert(
    property(tuple(string(), string(), string()), ([team, feature, user]) => {
      const moved = { ...payer, team: team + feature, feature: "", user };
      const given = { ...payer, team, feature, user };
      const isSame =
        attributionSignatureOf(given, "r", secret) === attributionSignatureOf(moved, "r", secret);
      expect(isSame).toBe(feature === "");
    }),
  );
});
