import { allTopics, deadLetterNameOf } from "@sluice/contracts";
import { SecuredStack } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { permitted } from "./accounts.ts";
import { BrokerProbe } from "./broker-probe.ts";

const accounts = Object.entries(permitted);
const topicNames = [
  ...allTopics.flatMap(({ name, deadLetter }) =>
    deadLetter ? [name, deadLetterNameOf(name)] : [name],
  ),
  ...["inference.responded.alpha", "inference.responded.beta"],
  ...["cost.charged.alpha", "cost.charged.beta"],
];
const groupNames = [
  ...accounts.flatMap(([, { groups }]) => groups),
  "sluice.ingress",
  "sluice.client.demon.anything",
  "sluice.look.anything",
];

const prefix = "matrix.";
const foreignPrefix = "matrix.other.";
let stack: SecuredStack;
const probes = new Map<string, BrokerProbe>();

beforeAll(async () => {
  stack = await SecuredStack.start();
  await stack.provision(prefix, { rightsFor: "demo" });
  await stack.provision(foreignPrefix);
  for (const [name] of accounts) {
    const account = { name, password: stack.passwordOf(name) };
    probes.set(name, await BrokerProbe.open(stack.brokers, stack.files.ca, account));
  }
});
afterAll(async () => {
  for (const probe of probes.values()) probe.close();
  await stack?.stop();
});

type RightCheck = (probe: BrokerProbe, name: string) => Promise<boolean>;

/** Returns the names, without prefix, for which the broker grants the account the right. */
async function granted(
  account: string,
  names: readonly string[],
  isGranted: RightCheck,
  namesPrefix = prefix,
): Promise<readonly string[]> {
  const probe = probes.get(account)!;
  const found: string[] = [];
  // Sequential, because a connection answers one request at a time.
  for (const name of names) if (await isGranted(probe, `${namesPrefix}${name}`)) found.push(name);
  return found.toSorted();
}

const mayRead: RightCheck = (probe, name) => probe.mayRead(name);
const mayWrite: RightCheck = (probe, name) => probe.mayWrite(name);
const mayUseGroup: RightCheck = (probe, name) => probe.mayUseGroup(name);

test("the expected rights name only existing topics, and every topic is checked", () => {
  expect(topicNames.length).toBe(28);
  const named = accounts.flatMap(([, { reads, writes }]) => [...reads, ...writes]);
  expect(named.filter((name) => !topicNames.includes(name))).toEqual([]);
});

test.for(accounts)("%s can read exactly the topics that it needs", async ([name, { reads }]) => {
  expect(await granted(name, topicNames, mayRead)).toEqual(reads.toSorted());
});

test.for(accounts)("%s can write exactly the topics that it needs", async ([name, { writes }]) => {
  expect(await granted(name, topicNames, mayWrite)).toEqual(writes.toSorted());
});

test.for(accounts)("%s can use only its own consumer groups", async ([name, { groups }]) => {
  expect(await granted(name, groupNames, mayUseGroup)).toEqual(groups.toSorted());
});

test.for(accounts)(
  "%s has no right on an installation whose prefix begins with the same characters",
  async ([name]) => {
    expect(await granted(name, topicNames, mayRead, foreignPrefix)).toEqual([]);
    expect(await granted(name, topicNames, mayWrite, foreignPrefix)).toEqual([]);
    expect(await granted(name, groupNames, mayUseGroup, foreignPrefix)).toEqual([]);
  },
);
