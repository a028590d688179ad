import { PermanentFault, TransientFault } from "@sluice/domain";
import { ReplyError } from "ioredis";
import { expect, test } from "vitest";
import { askRedis, isRedisDown, redisFaultOf, unusable } from "./faults.ts";

function replyError(message: string): Error {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ioredis exports it untyped
  const error = new ReplyError(message) as Error;
  return error;
}

test("a missing connection, a late answer and a server that fails over are outages", () => {
  const outages = [
    new Error("Command timed out"),
    new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    new Error("Connection is closed."),
    replyError("LOADING Redis is loading the dataset in memory"),
    replyError("READONLY You can't write against a read only replica."),
    replyError("NOSCRIPT No matching script. Please use EVAL."),
  ];
  expect(outages.map(isRedisDown)).toEqual(outages.map(() => true));
  expect(redisFaultOf(outages[0])).toMatchObject({ code: "REDIS_UNAVAILABLE" });
});

test("a server that has reached its memory limit is distinguished from an outage, and waiting helps", () => {
  const fault = redisFaultOf(replyError("OOM command not allowed when used memory > 'maxmemory'."));
  expect(fault).toBeInstanceOf(TransientFault);
  expect(fault).toMatchObject({ code: "REDIS_OUT_OF_MEMORY" });
  expect(isRedisDown(fault)).toBe(true);
});

test("a command that Redis rejects is a defect, because waiting would not help", () => {
  const error = replyError("WRONGTYPE Operation against a key holding the wrong kind of value");
  expect(isRedisDown(error)).toBe(false);
  expect(redisFaultOf(error)).toMatchObject({ name: "Defect", code: "REDIS_REFUSED" });
});

test("a fault of ours is not changed", async () => {
  const fault = new PermanentFault("CONTRACT_UNDECODABLE", "not Avro");
  await expect(askRedis(() => Promise.reject(fault))).rejects.toBe(fault);
  expect(isRedisDown(fault)).toBe(false);
  expect(isRedisDown(new TransientFault("REDIS_UNAVAILABLE", "gone"))).toBe(true);
});

test("a fault does not carry the command's arguments, which may be a prompt", () => {
  const error = Object.assign(replyError("ERR syntax"), {
    command: { name: "set", args: ["secret"] },
  });
  expect(redisFaultOf(error).cause).not.toHaveProperty("command");
});

test("denied access is an outage with its reason, so that messages wait for an operator", () => {
  const shut = [
    replyError("WRONGPASS invalid username-password pair or user is disabled."),
    replyError("NOAUTH Authentication required."),
    replyError("NOPERM this user has no permissions to run the 'evalsha' command"),
  ].map(redisFaultOf);
  expect(shut.map(({ code }) => code)).toEqual(shut.map(() => "REDIS_UNAVAILABLE"));
  expect(shut.map(({ message }) => message)).toEqual([
    expect.stringContaining("does not accept our user"),
    expect.stringContaining("asks for a user"),
    expect.stringContaining("the 'evalsha' command"),
  ]);
});

test("a connection that cannot be made names the server and the reason, and shows no password", () => {
  const cause = Object.assign(new Error("connect ECONNREFUSED"), {
    command: { name: "auth", args: ["user", "canary"] },
  });
  const error = unusable("rediss://user:canary@redis.internal:6380/1", cause);
  expect(error.message).toContain("Redis at redis.internal:6380: nothing listens there");
  expect(error.message + JSON.stringify(error.cause)).not.toContain("canary");
});
