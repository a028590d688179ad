import { expect, test } from "vitest";
import { type RawMessage, rawMessageOf, undecodedFrom } from "./raw-message.ts";

const bytes = (text: string) => Buffer.from(text);

/** A message as the client passes it on, with headers that its types do not allow. */
function rawWith(headers: Readonly<Record<string, unknown>>): RawMessage {
  const message = { offset: "0", timestamp: "0", attributes: 0, key: null, value: null, headers };
  return rawMessageOf("t", 0, message);
}

const headersFrom = (headers: Readonly<Record<string, unknown>>) => rawWith(headers).headers;
const undecodedWith = (headers: Readonly<Record<string, unknown>>) =>
  undecodedFrom(rawWith(headers), Buffer.alloc(0));

test("a header keeps its bytes, and the stage sees the last of several values", () => {
  const given = { one: bytes("\u0000ÿ"), several: [bytes("a"), bytes("b")] };
  expect(headersFrom(given)).toEqual(given);
  expect(undecodedWith(given).headers).toEqual({ one: given.one, several: bytes("b") });
});

test("a header without value becomes an empty one, alone and among others", () => {
  const headers = headersFrom({ one: null, several: [bytes("a"), null] });
  expect(headers).toEqual({ one: bytes(""), several: [bytes("a"), bytes("")] });
});

test("a header named as a member of every object is an ordinary header", () => {
  // The client gives the inherited member and then the value.
  const given = { toString: [() => "inherited", bytes("a")] };
  expect(headersFrom(given)).toEqual({ toString: bytes("a") });
  const own = Object.fromEntries([["__proto__", [Object.prototype, bytes("a")]]]);
  const { headers } = undecodedWith(own);
  expect(Object.getOwnPropertyNames(headers)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
});
