import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { deletionsOf, forgetKafkaAccounts, hasKafkaAccounts } from "./kafka-accounts.ts";
import { brokerAccount, listenerSettings } from "./kafka-security.ts";
import {
  areScramAccountsSet,
  areSettingsReplaced,
  scramAccountsIn,
  withPlainLogin,
} from "./kafka-wire.ts";

const accounts = {
  admin: { name: "sluice-admin", password: "a" },
  users: [{ name: "sluice-client", password: "b" }],
};
const folder = mkdtempSync(join(tmpdir(), "sluice-kafka-accounts-"));
afterAll(() => rmSync(folder, { recursive: true }));

function settings(isClosed: boolean): string {
  const ports = { kafka: 1, controller: 2 };
  return listenerSettings({ ports, folder, broker: brokerAccount(), accounts, isClosed }).join(
    "\n",
  );
}

test("the broker's own account and its listener have other names at each start", () => {
  const names = (text: string) => [
    /super\.users=User:(broker-\w+);User:sluice-admin\n/.exec(text)?.[1],
    /inter\.broker\.listener\.name=(CLIENT\w{18})\n/.exec(text)?.[1],
  ];
  const [first, second] = [names(settings(false)), names(settings(false))];
  expect(new Set([...first, ...second]).size).toBe(4);
  expect([...first, ...second]).not.toContain(undefined);
});

test("a closed broker admits its own account only", () => {
  const text = settings(true);
  expect(text).toMatch(/super\.users=User:broker-\w+\n/);
  expect(text).toMatch(/listener\.name\.client\w+\.sasl\.enabled\.mechanisms=PLAIN\n/);
  expect(text).not.toMatch(/SCRAM|sluice-/);
  expect(settings(false)).toMatch(/sasl\.enabled\.mechanisms=PLAIN,SCRAM-SHA-512\n/);
});

test("an account that is not the stack's loses its passwords, and one of the stack those of other mechanisms", () => {
  const stored = [
    { name: "broker", mechanism: 2 },
    { name: "broker", mechanism: 1 },
    { name: "sluice-admin", mechanism: 1 },
    { name: "sluice-admin", mechanism: 2 },
    { name: "sluice-client", mechanism: 2 },
  ];
  expect(deletionsOf(stored, accounts)).toEqual([
    { names: ["broker"], mechanism: 2 },
    { names: ["broker", "sluice-admin"], mechanism: 1 },
  ]);
});

test("many accounts are deleted with several requests, because one request has a limit", () => {
  const stored = Array.from({ length: 120 }, (_, index) => ({ name: `u${index}`, mechanism: 2 }));
  const deletions = deletionsOf(stored, accounts);
  expect(deletions.map(({ names }) => names.length)).toEqual([50, 50, 20]);
  expect(deletions.flatMap(({ names }) => names)).toEqual(stored.map(({ name }) => name));
});

test("an open start removes the record of the accounts, so that the next start sets them again", () => {
  mkdirSync(join(folder, "log"));
  writeFileSync(join(folder, "log", "meta.properties"), "cluster.id=A\n");
  expect(hasKafkaAccounts(folder, accounts)).toBe(false);
  writeFileSync(join(folder, "accounts"), "of other accounts");
  expect(hasKafkaAccounts(folder, accounts)).toBe(false);
  forgetKafkaAccounts(folder);
  expect(existsSync(join(folder, "accounts"))).toBe(false);
});

test("a listener that refuses the handshake receives neither the password nor the request", () => {
  const [, login, request] = withPlainLogin(accounts.admin, Buffer.from("the request"));
  const answer = (error: number) => Buffer.from([0, 0, 0, 6, 0, 0, 0, 0, 0, error]);
  if (typeof login !== "function" || typeof request !== "function")
    throw new Error("The login has other steps than expected.");
  expect(String(login(answer(0)))).toContain("\0sluice-admin\0a");
  expect(login(answer(34))).toBeUndefined();
  expect(String(request(answer(0)))).toBe("the request");
  expect(request(answer(58))).toBeUndefined();
  expect(request(Buffer.alloc(9))).toBeUndefined();
});

/** An answer that lists `ab` with both mechanisms, after 8 bytes of head, the tags and 4 bytes of throttle time. */
const listed = Buffer.from([
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[0, 0, 0, 2, 3, 97, 98, 0, 0, 0, 3],
  ...[1, 0, 0, 16, 0, 0, 2, 0, 0, 16, 0, 0],
  ...[0, 0],
]);

test("the accounts in an answer are read, and every cut answer is refused", () => {
  expect(scramAccountsIn(listed)).toEqual([
    { name: "ab", mechanism: 1 },
    { name: "ab", mechanism: 2 },
  ]);
  for (let length = 0; length < listed.length - 1; length += 1)
    expect(scramAccountsIn(listed.subarray(0, length))).toBeUndefined();
  for (const at of [14, 21]) {
    const failed = Buffer.from(listed);
    failed[at] = 29;
    expect(scramAccountsIn(failed)).toBeUndefined();
  }
});

test("bytes that are not an answer are read without an exception", () => {
  for (let seed = 0; seed < 256; seed += 1) {
    const garbage = Buffer.from(
      Array.from({ length: 64 }, (_, at) => (seed * (at + 7) * 31) % 256),
    );
    expect([undefined, []]).toContainEqual(scramAccountsIn(garbage));
    expect(areScramAccountsSet(garbage, 3)).toBe(false);
    expect(areSettingsReplaced(garbage, 2)).toBe(false);
  }
});

test("the settings are replaced only if the answer reports each node without an error", () => {
  const node = (error: number, name: string) => {
    const head = Buffer.from([0, error, 0xff, 0xff, 4, 0, name.length]);
    return Buffer.concat([head, Buffer.from(name)]);
  };
  const answer = (...nodes: readonly Buffer[]) => {
    const head = Buffer.alloc(16);
    head.writeInt32BE(nodes.length, 12);
    return Buffer.concat([head, ...nodes]);
  };
  expect(areSettingsReplaced(answer(node(0, "1"), node(0, "")), 2)).toBe(true);
  expect(areSettingsReplaced(answer(node(0, "1"), node(29, "")), 2)).toBe(false);
  expect(areSettingsReplaced(answer(node(0, "1")), 2)).toBe(false);
  expect(areSettingsReplaced(answer(node(0, "1"), node(0, "")).subarray(0, 28), 2)).toBe(false);
});
