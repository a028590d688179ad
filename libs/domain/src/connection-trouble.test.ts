import { expect, test } from "vitest";
import { connectionTroubleOf } from "./connection-trouble.ts";

const coded = (code: string, message = ""): Error => Object.assign(new Error(message), { code });

test.for([
  [coded("ERR_TLS_CERT_ALTNAME_INVALID"), "other names"],
  [new Error("Hostname/IP does not match certificate's altnames: IP: 127.0.0.1"), "other names"],
  [coded("SELF_SIGNED_CERT_IN_CHAIN"), "right CA"],
  [new Error("unable to verify the first certificate"), "right CA"],
  [coded("CERT_HAS_EXPIRED"), "expired"],
  [coded("EPROTO", "ssl3_get_record:wrong version number"), "does not speak TLS"],
  [new Error("The server does not support SSL connections"), "does not speak TLS"],
  [new Error("tlsv13 alert certificate required"), "client certificate"],
  [coded("ENOTFOUND", "getaddrinfo ENOTFOUND kafka"), "not known"],
  [coded("ECONNREFUSED"), "nothing listens"],
  [coded("ETIMEDOUT"), "in time"],
  [new Error("socket hang up"), "may speak TLS"],
] as const)("%s is explained by a sentence with the cause", ([error, part]) => {
  expect(connectionTroubleOf(error)).toContain(part);
});

test("an error that a client library wraps or aggregates is recognised", () => {
  const cause = coded("ECONNREFUSED");
  expect(connectionTroubleOf(new Error("Gave up.", { cause }))).toContain("nothing listens");
  expect(connectionTroubleOf(new AggregateError([cause], ""))).toContain("nothing listens");
});

test("a circular chain of causes ends, and an error that is not about a connection has no sentence", () => {
  const circle = new Error("round");
  circle.cause = circle;
  expect(connectionTroubleOf(circle)).toBeUndefined();
  expect(connectionTroubleOf("text")).toBeUndefined();
});
