import { expect, test } from "vitest";
import { signingKeyOf } from "./signing-key.ts";

test("the secret of an API key is everything after the id, including dashes", () => {
  expect(signingKeyOf("sk-sluice-demo-a-b")).toEqual({ id: "demo", secret: "a-b" });
});

test("a malformed key is refused, and the message does not contain it", () => {
  expect(() => signingKeyOf("sk-other-hush")).toThrow("sk-sluice-<key id>-<secret>");
  expect(() => signingKeyOf("sk-other-hush")).not.toThrow("hush");
});
