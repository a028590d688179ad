import { expect, test } from "vitest";
import { signedHeaders, signingKeyOf } from "./signature.ts";

test("a signature is what ingress verifies: the same test vector is in its test", () => {
  // printf 'inference.requested\ndemo\n1800000000000\n%s' "$(printf value | sha256sum | cut -c1-64)" \
  //   | openssl dgst -sha256 -hmac secret
  const key = { id: "demo", secret: "secret" };
  const value = Buffer.from("value");
  expect(signedHeaders("inference.requested", value, key, 1_800_000_000_000)).toEqual({
    "sluice-key-id": "demo",
    "sluice-issued-at": "1800000000000",
    "sluice-signature": "e4a9df6a8b7d7980a995552c81e331dafcfdd0413c1ef32da9482194e4217210",
  });
});

test("the secret of an API key is all that follows the id, dashes included", () => {
  expect(signingKeyOf("sk-sluice-demo-a-b")).toEqual({ id: "demo", secret: "a-b" });
});

test("a malformed key is refused without being repeated", () => {
  expect(() => signingKeyOf("sk-other-hush")).toThrow("sk-sluice-<key id>-<secret>");
  expect(() => signingKeyOf("sk-other-hush")).not.toThrow("hush");
});
