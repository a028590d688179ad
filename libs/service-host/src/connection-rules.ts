import { createSecureContext } from "node:tls";

/** What is wrong with one key, beside what its own schema says. */
export interface Inconsistency {
  readonly key: string;
  readonly message: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Each only together with the others. */
const together: readonly (readonly string[])[] = [
  ["SLUICE_KAFKA_SASL_MECHANISM", "SLUICE_KAFKA_SASL_USERNAME", "SLUICE_KAFKA_SASL_PASSWORD"],
  ["SLUICE_KAFKA_TLS_CERT_FILE", "SLUICE_KAFKA_TLS_KEY_FILE"],
  ["SLUICE_REGISTRY_USERNAME", "SLUICE_REGISTRY_PASSWORD"],
];

interface Condition {
  readonly keys: readonly string[];
  readonly on: string;
  readonly value: RegExp;
  readonly shown: string;
}

/** Of no effect without TLS: who set them believes that the connection is safe, and it is not. */
const conditions: readonly Condition[] = [
  {
    keys: ["CA_FILE", "CERT_FILE", "KEY_FILE", "SERVER_NAME"].map(
      (end) => `SLUICE_KAFKA_TLS_${end}`,
    ),
    on: "SLUICE_KAFKA_TLS",
    value: /^true$/,
    shown: "true",
  },
  {
    keys: ["SLUICE_REGISTRY_TLS_CA_FILE"],
    on: "SLUICE_REGISTRY_URL",
    value: /^https:/,
    shown: "an https:// address",
  },
  {
    keys: ["SLUICE_REDIS_TLS_CA_FILE"],
    on: "SLUICE_REDIS_URL",
    value: /^rediss:/,
    shown: "a rediss:// address",
  },
  {
    keys: ["SLUICE_CACHE_REDIS_TLS_CA_FILE"],
    on: "SLUICE_CACHE_REDIS_URL",
    value: /^rediss:/,
    shown: "a rediss:// address",
  },
];

/** Keys that contradict each other or lack their companions, of an environment without empty values. */
export function inconsistenciesOf(environment: Environment): readonly Inconsistency[] {
  const isSet = (key: string): boolean => environment[key] !== undefined;
  const lacking = together.flatMap((keys) => {
    const given = keys.filter(isSet);
    if (given.length === 0) return [];
    const message = `is missing beside ${given.join(" and ")}: set all of them, or none`;
    return keys.filter((key) => !isSet(key)).map((key) => ({ key, message }));
  });
  const idle = conditions.flatMap(({ keys, on, value, shown }) =>
    value.test(environment[on] ?? "")
      ? []
      : keys
          .filter(isSet)
          .map((key) => ({ key, message: `has no effect unless ${on} is ${shown}` })),
  );
  const twice =
    isSet("SLUICE_REGISTRY_TOKEN") && isSet("SLUICE_REGISTRY_USERNAME")
      ? [
          {
            key: "SLUICE_REGISTRY_TOKEN",
            message: "stands beside SLUICE_REGISTRY_USERNAME: set one",
          },
        ]
      : [];
  return [...lacking, ...idle, ...twice];
}

interface KeyPair {
  readonly SLUICE_KAFKA_TLS_CERT_FILE?: unknown;
  readonly SLUICE_KAFKA_TLS_KEY_FILE?: unknown;
}

/** Certificate and key that do not belong together would only be seen as a refused connection. */
export function keyPairProblem(config: KeyPair): readonly Inconsistency[] {
  const { SLUICE_KAFKA_TLS_CERT_FILE: cert, SLUICE_KAFKA_TLS_KEY_FILE: key } = config;
  if (typeof cert !== "string" || typeof key !== "string") return [];
  try {
    createSecureContext({ cert, key });
    return [];
  } catch {
    const message = "is not the key of SLUICE_KAFKA_TLS_CERT_FILE, or one of them is damaged";
    return [{ key: "SLUICE_KAFKA_TLS_KEY_FILE", message }];
  }
}
