import { expect, test } from "vitest";
import { signedHeaders, signingKeyOf } from "./signed-headers.ts";

test("a signature is what any HMAC tool computes over topic, key, time and hash of the value", () => {
  // printf 'inference.requested\ndemo\n1800000000000\n%s' "$(printf value | sha256sum | cut -c1-64)" \
  //   | openssl dgst -sha256 -hmac secret
  const key = { id: "demo", secret: "secret" };
  const headers = signedHeaders(
    "inference.requested",
    Buffer.from("value"),
    key,
    1_800_000_000_000,
  );
  expect(headers).toEqual({
    "sluice-key-id": "demo",
    "sluice-issued-at": "1800000000000",
    "sluice-signature": "e4a9df6a8b7d7980a995552c81e331dafcfdd0413c1ef32da9482194e4217210",
  });
});

test("the secret of an API key is all that follows the id, dashes included", () => {
  expect(signingKeyOf("sk-sluice-demo-a-b")).toEqual({ id: "demo", secret: "a-b" });
  expect(() => signingKeyOf("sk-other-demo-a")).toThrow("sk-sluice-<key id>-<secret>");
});
