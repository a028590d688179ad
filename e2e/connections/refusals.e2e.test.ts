import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SluiceClient } from "@sluice/client";
import { accountOf, certificateSubject, SecuredStack, stackAddresses } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ServiceProcess } from "./service-process.ts";

type Environment = Readonly<Record<string, string>>;

const topicPrefix = "refusals.";
/** An installation on which no account has any right. */
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

/** Returns a correct environment for a service. Each test makes one variable wrong. */
function rightFor(service: Parameters<typeof accountOf>[0]): Environment {
  return {
    ...stack.kafkaEnvironment(accountOf(service)),
    ...stack.storeEnvironment,
    SLUICE_KAFKA_TOPIC_PREFIX: topicPrefix,
    SLUICE_CONFIG: join(folder, "sluice.yaml"),
    KEY: "any-secret-of-the-key",
    SLUICE_ATTRIBUTION_SECRET: "any-secret-that-signs-who-pays-and-is-long",
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

/** What is wrong, the variables that make it wrong, and the sentence that the operator should see. */
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
    "a certificate authority that has the right name but another key",
    () => ({ SLUICE_KAFKA_TLS_CA_FILE: stack.files.otherCa }),
    "its certificate is not signed by an authority that is trusted here: give the file of the right CA",
  ],
  [
    "a broker whose certificate has another name",
    () => ({ SLUICE_KAFKA_TLS_SERVER_NAME: "kafka.internal" }),
    "its certificate is for other names than the one it was called by",
  ],
  [
    "TLS on a plain-text port",
    () => ({ SLUICE_KAFKA_BROKERS: stackAddresses().brokers.join(",") }),
    "it does not speak TLS there",
  ],
  [
    "plain text on a TLS port",
    () => ({ SLUICE_KAFKA_TLS: "false", SLUICE_KAFKA_TLS_CA_FILE: "" }),
    "it closed the connection at once: it may speak TLS there, or ask for a user",
  ],
  [
    "a port that requires a client certificate",
    () => ({
      SLUICE_KAFKA_BROKERS: stack.certificateBrokers,
      SLUICE_KAFKA_SASL_MECHANISM: "",
      SLUICE_KAFKA_SASL_USERNAME: "",
      SLUICE_KAFKA_SASL_PASSWORD: "",
    }),
    "it asks for a client certificate that it trusts",
  ],
  [
    "no server at the address",
    () => ({ SLUICE_KAFKA_BROKERS: "127.0.0.1:9" }),
    "nothing listens there",
  ],
];

test.concurrent.for(kafkaOutages)(
  "Kafka with %s: the service keeps running, reports its stage as not ready, and logs the reason",
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

test("without the right to read its topic, a service is not ready, and logs the account, right and topic", async () => {
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

test("without the right to its consumer group, a service exits, and logs the account and group", async () => {
  await stack.grant({
    ...{ principal: "User:sluice-classifier", resource: "topic", match: "literal" },
    ...{ name: `${barePrefix}inference.missed`, operation: "read" },
  });
  const service = await start("classifier", { SLUICE_KAFKA_TOPIC_PREFIX: barePrefix });
  expect(await service.exitCode()).toBe(1);
  expect(service.output).toContain(`consumer group ${barePrefix}sluice.classifier`);
  expect(service.output).toContain('user \\"sluice-classifier\\" may lack the right READ on it');
});

test("without the right to write, a send fails at its time limit, and names the account, right and topic", async () => {
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

test("a client certificate instead of a user, and a registry token from a file, are accepted", async () => {
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
    "it does not accept the user and password, or the token (401). Correct them",
  ],
  [
    "a wrong token",
    () => ({
      SLUICE_REGISTRY_USERNAME: "",
      SLUICE_REGISTRY_PASSWORD: "",
      SLUICE_REGISTRY_TOKEN: "guessed",
    }),
    "it does not accept the user and password, or the token (401). Correct them",
  ],
  [
    "another certificate authority",
    () => ({ SLUICE_REGISTRY_TLS_CA_FILE: stack.files.otherCa }),
    "its certificate is not signed by an authority that is trusted here",
  ],
  [
    "a name that its certificate does not have",
    () => ({ SLUICE_REGISTRY_URL: stack.registryUrl.replace("127.0.0.1", "localhost") }),
    "its certificate is for other names",
  ],
  [
    "TLS on a plain-text port",
    () => ({ SLUICE_REGISTRY_URL: stackAddresses().registryUrl.replace("http:", "https:") }),
    "it does not speak TLS there",
  ],
  [
    "plain text on a TLS port",
    () => ({
      SLUICE_REGISTRY_URL: stack.registryUrl.replace("https:", "http:"),
      SLUICE_REGISTRY_TLS_CA_FILE: "",
    }),
    "it closed the connection at once: it may speak TLS there",
  ],
];

test.concurrent.for(registryRefusals)(
  "the registry with %s: the service exits, and logs the reason",
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
    () => ({ SLUICE_REDIS_URL: stack.redisUrl("state").replace(/:[^:@]*@/, ":guessed@") }),
    "it does not accept our user and password",
  ],
  [
    "no user and password",
    () => ({ SLUICE_REDIS_URL: stack.redisUrl("state").replace(/\/\/.*@/, "//") }),
    "it asks for a user and password",
  ],
  [
    "another certificate authority",
    () => ({ SLUICE_REDIS_TLS_CA_FILE: stack.files.otherCa }),
    "its certificate is not signed by an authority that is trusted here",
  ],
  [
    "a name that its certificate does not have",
    () => ({ SLUICE_REDIS_URL: stack.redisUrl("state").replace("127.0.0.1", "localhost") }),
    "its certificate is for other names",
  ],
  [
    "TLS on a plain-text port",
    // Redis reads the TLS greeting as the beginning of a command, and waits for its end.
    () => ({ SLUICE_REDIS_URL: stackAddresses().redisUrl.replace("redis:", "rediss:") }),
    "it did not answer in time: look at the address and the network between, and whether it speaks TLS there",
  ],
  [
    "plain text on a TLS port",
    () => ({
      SLUICE_REDIS_URL: stack.redisUrl("state").replace("rediss:", "redis:"),
      SLUICE_REDIS_TLS_CA_FILE: "",
    }),
    "it may speak TLS there",
  ],
];

test.concurrent.for(redisOutages)(
  "Redis with %s: the service keeps running, reports Redis as not ready, and logs the reason",
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
    "an account without rights on it",
    () => ({ SLUICE_LEDGER_URL: stack.ledgerUrl("stranger") }),
    "permission denied for database",
  ],
  [
    "another certificate authority",
    () => ({ SLUICE_LEDGER_URL: withRoot(stack.files.otherCa) }),
    "its certificate is not signed by an authority that is trusted here",
  ],
  [
    "a name that its certificate does not have",
    () => ({ SLUICE_LEDGER_URL: withRoot(stack.files.ca).replace("127.0.0.1", "localhost") }),
    "its certificate is for other names",
  ],
  [
    "TLS for a server without TLS",
    () => ({ SLUICE_LEDGER_URL: `${stackAddresses().ledgerUrl}?sslmode=verify-full` }),
    "it does not speak TLS there",
  ],
  [
    "plain text for a server that requires TLS",
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
  "the ledger with %s: the accountant exits, and logs the reason",
  async ([, wrong, sentence]) => {
    const service = await start("cost-accountant", wrong());
    expect(await service.exitCode()).toBe(1);
    expect(service.output).toContain("The ledger at ");
    expect(service.output).toContain(sentence);
  },
);

test("all errors in the environment are reported together, before any connection is made", async () => {
  const service = await start("cost-accountant", {
    SLUICE_KAFKA_SASL_USERNAME: "",
    SLUICE_KAFKA_TLS_CA_FILE: join(folder, "nowhere.pem"),
    SLUICE_LEDGER_URL: stack.ledgerUrl("accountant").replace("verify-full", "require"),
  });
  expect(await service.exitCode()).toBe(1);
  expect(service.output).toMatch(/SLUICE_KAFKA_TLS_CA_FILE: .*nowhere.pem cannot be read/);
  expect(service.output).toMatch(/SLUICE_LEDGER_URL: has sslmode=require/);
  expect(service.output).toContain("SLUICE_KAFKA_SASL_USERNAME: is missing, but");
});

test("the output of these services contains no password and no token", () => {
  const allOutput = running.map(({ output }) => output).join("\n");
  expect(allOutput.length).toBeGreaterThan(10_000);
  expect([...stack.secrets, "guessed"].filter((secret) => allOutput.includes(secret))).toEqual([]);
});
