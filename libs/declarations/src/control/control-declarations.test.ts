import { controlTopics, InMemoryTopicCodecs } from "@sluice/contracts";
import { InMemoryTopicFollower, isDeadLetter, silentLogger } from "@sluice/stage";
import { expect, test } from "vitest";
import { parseDeclarations } from "../parse.ts";
import { type Plan, planApply } from "./apply.ts";
import { ControlDeclarations } from "./control-declarations.ts";
import { ControlReader } from "./control-reader.ts";
import { entriesOf } from "./entries.ts";

const yamlWith = (keys: string, cache = "{}") => `
tenants:
  - { id: acme, keys: [${keys}] }
providers:
  - { id: p, preset: openai, keys: ["env:P"] }
models:
  - { id: m, provider: p, tier: economy, contextWindow: 1, prices: [{ effectiveFrom: 2026-01-01, input: 1, output: 1 }] }
cache: ${cache}
`;
const key = (id: string, more = "") =>
  `{ id: ${id}, secret: "env:K", team: t, feature: f, user: u${more} }`;

const codecs = new InMemoryTopicCodecs();
const environment = { K: "a-long-enough-secret", P: "provider-key" };

/** The control topics, and an operator who applies files to them. */
class Installation {
  readonly follower = new InMemoryTopicFollower();
  readonly #reader = new ControlReader(this.follower, codecs, silentLogger);

  async plan(yaml: string): Promise<Plan> {
    const parsed = parseDeclarations(yaml);
    if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.errors));
    await this.#reader.caughtUp();
    return planApply(this.#reader.state, entriesOf(parsed.given), 0);
  }

  /** @param count how many messages are published before the operator's process ends */
  publish({ messages }: Plan, count = messages.length): void {
    for (const message of messages.slice(0, count)) {
      if (isDeadLetter(message)) throw new Error("not a declaration");
      const { topic, record } = message;
      const value = record === null ? null : codecs.encode(topic, record);
      this.follower.append(topic.name, message.key, value);
    }
  }

  async apply(yaml: string): Promise<Plan> {
    const plan = await this.plan(yaml);
    this.publish(plan);
    return plan;
  }

  follow(): Promise<ControlDeclarations> {
    const { follower } = this;
    const parts = { follower, codecs, logger: silentLogger, folder: ".", environment };
    return ControlDeclarations.follow(parts);
  }
}

test("a service that starts after an apply has all of its declarations, and their version", async () => {
  const installation = new Installation();
  await installation.apply(yamlWith(key("k1")));
  const declarations = await installation.follow();
  expect(declarations.version()).toBe(1n);
  expect(declarations.keys()).toMatchObject([{ id: "k1", tenant: "acme", revoked: false }]);
  expect(declarations.variantOf("m")?.tier).toBe("economy");
});

test("a service that runs adopts what an apply adds, changes and removes", async () => {
  const installation = new Installation();
  await installation.apply(yamlWith(`${key("k1")}, ${key("k2")}`));
  const declarations = await installation.follow();
  await installation.apply(yamlWith(`${key("k1", ", revoked: true")}, ${key("k3")}`));
  await expect.poll(() => declarations.version()).toBe(2n);
  expect(declarations.keys().map(({ id, revoked }) => [id, revoked])).toEqual([
    ["k1", true],
    ["k3", false],
  ]);
});

test("an apply without changes publishes nothing, and one of a changed field only its entry", async () => {
  const installation = new Installation();
  await installation.apply(yamlWith(key("k1")));
  expect((await installation.apply(yamlWith(key("k1")))).messages).toEqual([]);
  const { messages, version } = await installation.apply(yamlWith(key("k1"), "{ ttlSeconds: 5 }"));
  expect(messages.map((message) => "key" in message && message.key)).toEqual(["cache", "$version"]);
  expect(version).toBe(2n);
});

test("a service waits for the first apply", async () => {
  const installation = new Installation();
  const started = installation.follow();
  const first = await Promise.race([started, new Promise((resolve) => setTimeout(resolve, 50))]);
  expect(first).toBeUndefined();
  await installation.apply(yamlWith(key("k1")));
  expect((await started).version()).toBe(1n);
});

test("an apply that was interrupted changes nothing until it is repeated, and then all of it", async () => {
  const installation = new Installation();
  await installation.apply(yamlWith(key("k1")));
  const declarations = await installation.follow();
  const changed = yamlWith(`${key("k1", ", revoked: true")}, ${key("k2")}`);
  const interrupted = await installation.plan(changed);
  installation.publish(interrupted, 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([declarations.version(), declarations.keys()[0]?.revoked]).toEqual([1n, false]);

  const { version } = await installation.apply(changed);
  expect(version).toBe(3n);
  await expect.poll(() => declarations.version()).toBe(3n);
  expect(declarations.keys().map(({ id, revoked }) => [id, revoked])).toEqual([
    ["k1", true],
    ["k2", false],
  ]);
});

test("a file does not remove an entry that a command has made, and replaces it if it has its id", async () => {
  const installation = new Installation();
  await installation.apply(yamlWith(key("k1")));
  const made = { tenant: "acme", id: "k9", secret: "env:K", team: "t", feature: "f", user: "u" };
  const record = {
    ...{ id: "k9", version: 1n, appliedAt: 0, origin: "command" as const },
    declared: JSON.stringify(made),
  };
  const value = codecs.encode(controlTopics.keys, record);
  installation.follower.append("control.keys", "k9", value);
  const { changes } = await installation.apply(yamlWith(key("k1"), "{ ttlSeconds: 5 }"));
  expect(changes.map(({ kind, entry }) => [kind, entry.id])).toEqual([["changed", "cache"]]);
  expect((await installation.follow()).keys().map(({ id }) => id)).toEqual(["k1", "k9"]);
  const { changes: replacing } = await installation.apply(
    yamlWith(`${key("k1")}, ${key("k9", ", revoked: true")}`, "{ ttlSeconds: 5 }"),
  );
  expect(replacing.map(({ kind, entry }) => [kind, entry.id])).toEqual([["changed", "k9"]]);
});

test("an entry that is not JSON leaves the version before in force", async () => {
  const installation = new Installation();
  await installation.apply(yamlWith(key("k1")));
  const declarations = await installation.follow();
  installation.follower.append("control.keys", "k1", Buffer.from("not Avro"));
  await installation.apply(yamlWith(key("k1"), "{ ttlSeconds: 5 }"));
  await expect.poll(() => declarations.version()).toBe(2n);
  expect(declarations.keys()).toHaveLength(1);
});
