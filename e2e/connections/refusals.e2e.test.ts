import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SluiceClient } from "@sluice/client";
import { accountOf, certificateSubject, SecuredStack, stackAddresses } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ServiceProcess } from "./service-process.ts";

type Environment = Readonly<Record<string, string>>;

const topicPrefix = "refusals.";
/** An installation in which nobody was granted anything. */
const barePrefix = "refusals-bare.";
const declarations = `
tenants: [{ id: t, keys: [{ id: k, secret: "env:KEY", team: t, feature: f, user: u }] }]
providers: [{ id: p, baseUrl: "http://127.0.0.1:9/v1", keys: ["env:KEY"] }]
models: [{ id: m, provider: p, tier: economy, contextWindow: 8192, accuracy: { simple: 0.9 },
           prices: [{ effectiveFrom: 2026-01-01, input: 1.00, output: 1.00 }] }]
`;

let stack: SecuredStack;
let folder: string;
const running: ServiceProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-refusals-"));
  writeFileSync(join(folder, "sluice.yaml"), declarations);
  stack = await SecuredStack.start();
  await stack.provision(topicPrefix, { rightsFor: "demo" });
  await stack.provision(barePrefix);
});
afterAll(async () => {
  await Promise.all(running.map((process) => process.stop()));
  await stack?.stop();
  rmSync(folder, { recursive: true });
});

/** All that is right for a service; each test makes one thing wrong. */
function rightFor(service: Parameters<typeof accountOf>[0]): Environment {
  return {
    ...stack.kafkaEnvironment(accountOf(service)),
    ...stack.storeEnvironment,
    SLUICE_KAFKA_TOPIC_PREFIX: topicPrefix,
    SLUICE_CONFIG: join(folder, "sluice.yaml"),
    KEY: "any",
  };
}

async function start(
  service: Parameters<typeof accountOf>[0],
  wrong: Environment,
): Promise<ServiceProcess> {
  const process = await ServiceProcess.start(service, { ...rightFor(service), ...wrong });
  running.push(process);
  return process;
}

/** By what is wrong: the settings, and the sentence that the operator reads. */
type Cases = readonly (readonly [string, () => Environment, string])[];

const kafkaOutages: Cases = [
  [
    "a wrong password",
    () => ({ SLUICE_KAFKA_SASL_PASSWORD: "guessed" }),
    'the broker does not accept user \\"sluice-classifier\\" with its password (scram-sha-512)',
  ],
  [
    "a wrong password by PLAIN",
    () => ({ SLUICE_KAFKA_SASL_MECHANISM: "plain", SLUICE_KAFKA_SASL_PASSWORD: "guessed" }),
    'the broker does not accept user \\"sluice-classifier\\" with its password (plain)',
  ],
  [
    "another authority of the same name",
    () => ({ SLUICE_KAFKA_TLS_CA_FILE: stack.files.otherCa }),
    "its certificate is not signed by an authority that is trusted here: give the file of the right CA",
  ],
  [
    "a broker of another name",
    () => ({ SLUICE_KAFKA_TLS_SERVER_NAME: "kafka.internal" }),
    "its certificate is for other names than the one it was called by",
  ],
  [
    "TLS spoken to a plain port",
    () => ({ SLUICE_KAFKA_BROKERS: stackAddresses().brokers.join(",") }),
    "it does not speak TLS there",
  ],
  [
    "no TLS spoken to a port that does",
    () => ({ SLUICE_KAFKA_TLS: "false", SLUICE_KAFKA_TLS_CA_FILE: "" }),
    "it closed the connection at once: it may speak TLS there, or ask for a user",
  ],
  [
    "a port that asks for a client certificate",
    () => ({
      SLUICE_KAFKA_BROKERS: stack.certificateBrokers,
      SLUICE_KAFKA_SASL_MECHANISM: "",
      SLUICE_KAFKA_SASL_USERNAME: "",
      SLUICE_KAFKA_SASL_PASSWORD: "",
    }),
    "it asks for a client certificate that it trusts",
  ],
  [
    "nobody at the address",
    () => ({ SLUICE_KAFKA_BROKERS: "127.0.0.1:9" }),
    "nothing listens there",
  ],
];

test.concurrent.for(kafkaOutages)(
  "Kafka with %s: the service stays up and unready by the stage's name, and says why",
  async ([, wrong, sentence]) => {
    const service = await start("classifier", wrong());
    await service.waitForOutput(sentence);
    expect(await service.readiness()).toEqual({
      status: 503,
      body: { ready: false, dependencies: { "stage classifier": false } },
    });
    await service.stop();
  },
);

test("without the right to read its topic a service is unready, and names account, right and topic", async () => {
  const service = await start("classifier", { SLUICE_KAFKA_TOPIC_PREFIX: barePrefix });
  await service.waitForOutput(
    `user \\"sluice-classifier\\" lacks a right on Kafka: READ on topic ${barePrefix}inference.missed`,
  );
  expect(await service.readiness()).toMatchObject({
    status: 503,
    body: { dependencies: { "stage classifier": false } },
  });
  await service.stop();
});

test("without the right to its consumer group a service ends, and names account and group", async () => {
  await stack.grant({
    ...{ principal: "User:sluice-classifier", resource: "topic", match: "literal" },
    ...{ name: `${barePrefix}inference.missed`, operation: "read" },
  });
  const service = await start("classifier", { SLUICE_KAFKA_TOPIC_PREFIX: barePrefix });
  expect(await service.exitCode()).toBe(1);
  expect(service.output).toContain(`consumer group ${barePrefix}sluice.classifier`);
  expect(service.output).toContain('user \\"sluice-classifier\\" may lack the right READ on it');
});

test("without the right to write, a send names account, right and topic, and is not given up by itself", async () => {
  const account = { username: "stranger", password: stack.passwordOf("stranger") };
  const ca = readFileSync(stack.files.ca, "utf8");
  const options = {
    ...{ brokers: [stack.brokers], registryUrl: stack.registryUrl, topicPrefix, tls: { ca } },
    registryAccess: { token: stack.registryToken, ca },
    apiKey: "sk-sluice-demo-any",
  };
  const connecting = SluiceClient.connect({
    ...options,
    sasl: { mechanism: "scram-sha-512", ...account },
    connectTimeoutMs: 2_000,
  });
  await expect(connecting).rejects.toThrow(
    `user "stranger" lacks a right on Kafka: READ on topic ${topicPrefix}inference.requested`,
  );
  await stack.grant({
    ...{ principal: "User:stranger", resource: "topic", match: "literal" },
    ...{ name: `${topicPrefix}inference.requested`, operation: "read" },
  });
  await using client = await SluiceClient.connect({
    ...options,
    sasl: { mechanism: "plain", ...account },
  });
  const sending = client.send({ messages: [{ role: "user", content: "x" }] }, { timeoutMs: 3_000 });
  await expect(sending).rejects.toThrow(
    `user "stranger" lacks a right on Kafka: WRITE on topic ${topicPrefix}inference.requested`,
  );
});

test("a client certificate in place of a user, and a token from a file, open the doors", async () => {
  const principal = `User:CN=${certificateSubject}`;
  const literal = { principal, match: "literal", resource: "topic" } as const;
  await stack.grant({ ...literal, name: `${topicPrefix}inference.missed`, operation: "read" });
  const group = { name: `${topicPrefix}sluice.classifier`, resource: "group" } as const;
  await stack.grant({ ...literal, ...group, operation: "read" });
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, `${stack.registryToken}\n`);
  const service = await start("classifier", {
    SLUICE_KAFKA_BROKERS: stack.certificateBrokers,
    SLUICE_KAFKA_SASL_MECHANISM: "",
    SLUICE_KAFKA_SASL_USERNAME: "",
    SLUICE_KAFKA_SASL_PASSWORD: "",
    SLUICE_KAFKA_TLS_CERT_FILE: stack.files.clientCert,
    SLUICE_KAFKA_TLS_KEY_FILE: stack.files.clientKey,
    SLUICE_REGISTRY_USERNAME: "",
    SLUICE_REGISTRY_PASSWORD: "",
    SLUICE_REGISTRY_TOKEN_FILE: tokenFile,
  });
  await expect
    .poll(async () => (await service.readiness()).body, { timeout: 30_000 })
    .toEqual({ ready: true, dependencies: { "stage classifier": true } });
  await service.stop();
});

const registryRefusals: Cases = [
  [
    "a wrong password",
    () => ({ SLUICE_REGISTRY_PASSWORD: "guessed" }),
    "it does not accept our user and password, or token (401)",
  ],
  [
    "a wrong token",
    () => ({
      SLUICE_REGISTRY_USERNAME: "",
      SLUICE_REGISTRY_PASSWORD: "",
      SLUICE_REGISTRY_TOKEN: "guessed",
    }),
    "it does not accept our user and password, or token (401)",
  ],
  [
    "another authority",
    () => ({ SLUICE_REGISTRY_TLS_CA_FILE: stack.files.otherCa }),
    "its certificate is not signed by an authority that is trusted here",
  ],
  [
    "another name",
    () => ({ SLUICE_REGISTRY_URL: stack.registryUrl.replace("127.0.0.1", "localhost") }),
    "its certificate is for other names",
  ],
  [
    "TLS spoken to a plain port",
    () => ({ SLUICE_REGISTRY_URL: stackAddresses().registryUrl.replace("http:", "https:") }),
    "it does not speak TLS there",
  ],
  [
    "no TLS spoken to a port that does",
    () => ({
      SLUICE_REGISTRY_URL: stack.registryUrl.replace("https:", "http:"),
      SLUICE_REGISTRY_TLS_CA_FILE: "",
    }),
    "it closed the connection at once: it may speak TLS there",
  ],
];

test.concurrent.for(registryRefusals)(
  "the registry with %s: the service ends, and says why",
  async ([, wrong, sentence]) => {
    const service = await start("classifier", wrong());
    expect(await service.exitCode()).toBe(1);
    expect(service.output).toContain("The schema registry at ");
    expect(service.output).toContain(sentence);
  },
);

const redisOutages: Cases = [
  [
    "a wrong password",
    () => ({ SLUICE_REDIS_URL: stack.redisUrl("state", 0).replace(/:[^:@]*@/, ":guessed@") }),
    "it does not accept our user and password",
  ],
  [
    "no account",
    () => ({ SLUICE_REDIS_URL: stack.redisUrl("state", 0).replace(/\/\/.*@/, "//") }),
    "it asks for a user and password",
  ],
  [
    "another authority",
    () => ({ SLUICE_REDIS_TLS_CA_FILE: stack.files.otherCa }),
    "its certificate is not signed by an authority that is trusted here",
  ],
  [
    "another name",
    () => ({ SLUICE_REDIS_URL: stack.redisUrl("state", 0).replace("127.0.0.1", "localhost") }),
    "its certificate is for other names",
  ],
  [
    "TLS spoken to a plain port",
    // Which takes the greeting for the beginning of a command, and waits for its end.
    () => ({ SLUICE_REDIS_URL: stackAddresses().redisUrl.replace("redis:", "rediss:") }),
    "it did not answer in time: look at the address and the network between, and whether it speaks TLS there",
  ],
  [
    "no TLS spoken to a port that does",
    () => ({
      SLUICE_REDIS_URL: stack.redisUrl("state", 0).replace("rediss:", "redis:"),
      SLUICE_REDIS_TLS_CA_FILE: "",
    }),
    "it may speak TLS there",
  ],
];

test.concurrent.for(redisOutages)(
  "Redis with %s: the service stays up and unready by its name, and says why",
  async ([, wrong, sentence]) => {
    const service = await start("dispatcher", wrong());
    await service.waitForOutput(sentence);
    expect(service.output).toContain("Redis at ");
    const { status, body } = await service.readiness();
    expect(status).toBe(503);
    expect(body).toMatchObject({ ready: false, dependencies: { redis: false } });
    await service.stop();
  },
);

const ledgerRefusals: Cases = [
  [
    "a wrong password",
    () => ({ SLUICE_LEDGER_URL: stack.ledgerUrl("accountant").replace(/:[^:@]*@/, ":guessed@") }),
    'it says \\"password authentication failed for user \\"accountant\\"',
  ],
  [
    "an account that may not use it: the accountant alone has the ledger",
    () => ({ SLUICE_LEDGER_URL: stack.ledgerUrl("stranger") }),
    "permission denied for database",
  ],
  [
    "another authority",
    () => ({ SLUICE_LEDGER_URL: withRoot(stack.files.otherCa) }),
    "its certificate is not signed by an authority that is trusted here",
  ],
  [
    "another name",
    () => ({ SLUICE_LEDGER_URL: withRoot(stack.files.ca).replace("127.0.0.1", "localhost") }),
    "its certificate is for other names",
  ],
  [
    "TLS spoken to a server that has none",
    () => ({ SLUICE_LEDGER_URL: `${stackAddresses().ledgerUrl}?sslmode=verify-full` }),
    "it does not speak TLS there",
  ],
  [
    "no TLS spoken to a server that wants it",
    () => ({ SLUICE_LEDGER_URL: stack.ledgerUrl("accountant").replace(/\?.*/, "") }),
    "no encryption",
  ],
];

function withRoot(file: string): string {
  const url = new URL(stack.ledgerUrl("accountant"));
  url.searchParams.set("sslrootcert", file);
  return url.href;
}

test.concurrent.for(ledgerRefusals)(
  "the ledger with %s: the accountant ends, and says why",
  async ([, wrong, sentence]) => {
    const service = await start("cost-accountant", wrong());
    expect(await service.exitCode()).toBe(1);
    expect(service.output).toContain("The ledger at ");
    expect(service.output).toContain(sentence);
  },
);

test("all that is wrong in the environment is said at once, before anything is called", async () => {
  const service = await start("cost-accountant", {
    SLUICE_KAFKA_SASL_USERNAME: "",
    SLUICE_KAFKA_TLS_CA_FILE: join(folder, "nowhere.pem"),
    SLUICE_LEDGER_URL: stack.ledgerUrl("accountant").replace("verify-full", "require"),
  });
  expect(await service.exitCode()).toBe(1);
  expect(service.output).toMatch(/SLUICE_KAFKA_TLS_CA_FILE: .*nowhere.pem cannot be read/);
  expect(service.output).toMatch(/SLUICE_LEDGER_URL: has sslmode=require/);
  expect(service.output).toContain("SLUICE_KAFKA_SASL_USERNAME: is missing beside");
});

test("nothing that any of them said holds a password or token", () => {
  const allOutput = running.map(({ output }) => output).join("\n");
  expect(allOutput.length).toBeGreaterThan(10_000);
  expect([...stack.secrets, "guessed"].filter((secret) => allOutput.includes(secret))).toEqual([]);
});
