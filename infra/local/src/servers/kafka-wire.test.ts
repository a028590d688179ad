import { createHmac, pbkdf2Sync } from "node:crypto";
import { expect, test } from "vitest";
import { areScramAccountsSet, withScramLogin } from "./kafka-wire.ts";

const account = { name: "sluice-admin", password: "correct" };
const request = Buffer.from("the request");

/** Returns an answer of SaslAuthenticate with this token: length, correlation id, error code, no message, the token. */
function answerWith(token: string, errorCode = 0): Buffer {
  const head = Buffer.alloc(16);
  head.writeInt16BE(errorCode, 8);
  head.writeInt16BE(-1, 10);
  return Buffer.concat([head, Buffer.from(token)]);
}

/** Begins a login, and returns its steps, its nonce and its first message. */
function begun() {
  const [, first, second, third] = withScramLogin(account, request);
  const message = /n,,(n=.*,r=(.*))$/.exec(String(first));
  if (typeof second !== "function" || typeof third !== "function" || !message)
    throw new Error("The login has other steps than expected.");
  return { second, third, bare: message[1] ?? "", nonce: message[2] ?? "" };
}

/** Returns the last message of a server that knows the password. */
function serverSignature(password: string, signed: string): string {
  const salted = pbkdf2Sync(password, "salt", 4096, 64, "sha512");
  const key = createHmac("sha512", salted).update("Server Key").digest();
  return `v=${createHmac("sha512", key).update(signed).digest("base64")}`;
}

test.each([
  ["a server that knows the password receives the request", "correct", request],
  ["a server that does not know the password receives no request", "guessed", undefined],
])("%s, and no message contains the password", (_, known, expected) => {
  const { second, third, bare, nonce } = begun();
  const challenge = `r=${nonce}more,s=${Buffer.from("salt").toString("base64")},i=4096`;
  const proof = String(second(answerWith(challenge)));
  expect(proof).toMatch(new RegExp(`c=biws,r=${nonce}more,p=.+$`));
  expect(bare + proof).not.toContain(account.password);
  const signed = `${bare},${challenge},c=biws,r=${nonce}more`;
  expect(third(answerWith(serverSignature(known, signed)))).toEqual(expected);
});

test.each<[string, (nonce: string) => Buffer]>([
  ["of another login", () => answerWith("r=other,s=c2FsdA==,i=4096")],
  ["that reports an error", (nonce: string) => answerWith(`r=${nonce}a,s=c2FsdA==,i=4096`, 58)],
  ["that is cut", () => Buffer.alloc(9)],
])("a challenge %s ends the login", (_, answer) => {
  const { second, nonce } = begun();
  expect(second(answer(nonce))).toBeUndefined();
});

test.each(["0", "1", "-1", "4095", "4097", "04096", "2147483647", "9999999999", "x", ""])(
  "a challenge with %j iterations ends the login, because no password of the launcher has as many",
  (count) => {
    const { second, nonce } = begun();
    expect(second(answerWith(`r=${nonce}a,s=c2FsdA==,i=${count}`))).toBeUndefined();
  },
);

test.each(["", "v=", "e=invalid-proof", "v=AAAA"])(
  "the last message %j of a server ends the login",
  (text) => {
    const { second, third, nonce } = begun();
    second(answerWith(`r=${nonce}a,s=c2FsdA==,i=4096`));
    expect(third(answerWith(text))).toBeUndefined();
  },
);

/** Returns an answer to the creation of accounts: 13 bytes of head, then a compact array. */
function createdAnswer(...errorCodes: readonly number[]): Buffer {
  const results = errorCodes.map((code) =>
    Buffer.concat([Buffer.from([3]), Buffer.from("me"), Buffer.from([0, code, 0, 0])]),
  );
  return Buffer.concat([Buffer.alloc(13), Buffer.from([results.length + 1]), ...results]);
}

test("the accounts are set only if the answer reports each of them without an error", () => {
  expect(areScramAccountsSet(createdAnswer(0, 0), 2)).toBe(true);
  expect(areScramAccountsSet(createdAnswer(0, 41), 2)).toBe(false);
  expect(areScramAccountsSet(createdAnswer(0), 2)).toBe(false);
  expect(areScramAccountsSet(createdAnswer(0, 0).subarray(0, 18), 2)).toBe(false);
  expect(areScramAccountsSet(Buffer.alloc(4), 2)).toBe(false);
});
