import { expect, test } from "vitest";
import { temporaryDir } from "../test/fake-program.ts";
import { accountsOf } from "./accounts/remembered.ts";
import { defaultPorts } from "./ports.ts";
import { type PipelineOptions, serviceEnvironment, serviceNames } from "./services.ts";

const options: PipelineOptions = {
  dataDir: "/data",
  ports: defaultPorts,
  addresses: {
    kafka: "127.0.0.1:19092",
    registry: "http://127.0.0.1:19094/apis/ccompat/v7",
    redis: "redis://127.0.0.1:19095",
    cacheRedis: "redis://127.0.0.1:19098",
    ledger: "postgres://accountant:secret@127.0.0.1:19096/sluice",
    ledgerOwner: "postgres://ledger_owner:secret@127.0.0.1:19096/sluice",
  },
  configuration: {
    path: "/data/sluice.yaml",
    keyIds: ["support"],
    tenantsWithTopics: [],
    demoKey: null,
    simulatorKey: null,
    simulatorControlKey: "control",
    replaySecretFile: "/data/secrets/replay-secret",
    attributionSecretFile: "/data/secrets/attribution-secret",
    ingressSecrets: ["TENANT_SECRET"],
    adapterSecrets: ["PROVIDER_KEY"],
  },
  environment: {
    PATH: "/bin",
    TENANT_SECRET: "tenant",
    PROVIDER_KEY: "provider",
    AWS_SECRET_ACCESS_KEY: "not ours",
    SLUICE_LOG_LEVEL: "debug",
    SLUICE_KAFKA_TOPIC_PREFIX: "mine.",
    SLUICE_LEDGER_URL: "postgres://elsewhere/sluice",
    SLUICE_LEDGER_OWNER_URL: "postgres://elsewhere/sluice",
    SLUICE_SIMULATOR_CONTROL_KEY: "control",
    SLUICE_REDIS_PORT: "7000",
    SLUICE_ATTRIBUTION_SECRET_PREVIOUS: "p".repeat(32),
    SLUICE_COSTS_TOKEN: "token",
    SLUICE_COSTS_TOKEN_FILE: "/run/secrets/costs-token",
  },
};
const environmentOf = (service: (typeof serviceNames)[number]): Record<string, string> =>
  serviceEnvironment(service, 19_100, options);

test.each(serviceNames)(
  "%s receives the addresses of the parts and the variables that the user set",
  (service) => {
    expect(environmentOf(service)).toMatchObject({
      SLUICE_KAFKA_BROKERS: "127.0.0.1:19092",
      SLUICE_KAFKA_TOPIC_PREFIX: "mine.",
      SLUICE_REGISTRY_URL: "http://127.0.0.1:19094/apis/ccompat/v7",
      SLUICE_REDIS_URL: "redis://127.0.0.1:19095",
      SLUICE_CACHE_REDIS_URL: "redis://127.0.0.1:19098",
      SLUICE_CONFIG: "/data/sluice.yaml",
      SLUICE_SIMULATOR_URL: "http://127.0.0.1:19097/v1",
      SLUICE_ADMIN_PORT: "19100",
      SLUICE_LOG_LEVEL: "debug",
    });
  },
);

test.each([
  ["SLUICE_LEDGER_URL", ["cost-accountant"]],
  ["SLUICE_COSTS_TOKEN", ["cost-accountant"]],
  ["SLUICE_COSTS_TOKEN_FILE", ["cost-accountant"]],
  ["SLUICE_LEDGER_OWNER_URL", []],
  ["SLUICE_SIMULATOR_CONTROL_KEY", []],
  ["PROVIDER_KEY", ["inference-adapter"]],
  ["TENANT_SECRET", ["ingress"]],
  ["SLUICE_HTTP_PORT", ["ingress"]],
  ["SLUICE_REPLAY_SECRET_FILE", ["ingress"]],
  ["SLUICE_ATTRIBUTION_SECRET_FILE", ["ingress", "cost-accountant"]],
  ["SLUICE_ATTRIBUTION_SECRET_PREVIOUS", ["cost-accountant"]],
  ["SLUICE_REDIS_PORT", []],
  ["AWS_SECRET_ACCESS_KEY", []],
])("%s is passed to %j only", (name, expected) => {
  expect(serviceNames.filter((service) => name in environmentOf(service))).toEqual(expected);
});

test.each([
  ["SLUICE_REPLAY_SECRET", "replaySecretFile", ["ingress"]],
  ["SLUICE_ATTRIBUTION_SECRET", "attributionSecretFile", ["ingress", "cost-accountant"]],
])("%s of the environment replaces %s, and is passed to %j only", (name, file, expected) => {
  const environment = { ...options.environment, [name]: "r".repeat(32) };
  const configuration = { ...options.configuration, [file]: null };
  const environments = serviceNames.map(
    (service) =>
      [
        service,
        serviceEnvironment(service, 19_100, { ...options, environment, configuration }),
      ] as const,
  );
  const received = environments.filter(([, variables]) => name in variables);
  expect(received.map(([service]) => service)).toEqual(expected);
  for (const [, variables] of environments) expect(variables).not.toHaveProperty(`${name}_FILE`);
});

test("each service receives the passwords of its own accounts, and no other password of Kafka or the registry", () => {
  const accounts = accountsOf(temporaryDir(), true, []);
  const user = { ...options.environment, SLUICE_KAFKA_SASL_PASSWORD_FILE: "/run/secrets/kafka" };
  const secured = { ...options, environment: user, accounts };
  for (const service of serviceNames) {
    const environment = serviceEnvironment(service, 19_100, secured);
    expect(environment).toMatchObject({
      SLUICE_KAFKA_SASL_MECHANISM: "scram-sha-512",
      SLUICE_KAFKA_SASL_USERNAME: `sluice-${service}`,
      SLUICE_REGISTRY_USERNAME: `sluice-${service}`,
    });
    expect(environment).not.toHaveProperty("SLUICE_KAFKA_SASL_PASSWORD_FILE");
    const values = Object.values(environment);
    const received = [...(accounts.kafka ?? []), ...(accounts.registry ?? [])].flatMap(
      ([role, { password }]) => (values.includes(password) ? [role] : []),
    );
    expect(received).toEqual([service, service]);
  }
});
