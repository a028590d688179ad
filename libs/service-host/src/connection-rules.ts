import { createSecureContext } from "node:tls";
import { webAddressProblem } from "@sluice/domain";

/** An error of one key in relation to others, which its own schema cannot find. */
export interface Inconsistency {
  readonly key: string;
  readonly message: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Groups of keys of which either all are set, or none. */
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

/**
 * Keys without effect unless TLS is on. An operator who sets them believes that the connection is
 * encrypted.
 */
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

/**
 * Returns the keys that contradict each other, or that are missing although others need them.
 *
 * @param environment without empty values
 */
export function inconsistenciesOf(environment: Environment): readonly Inconsistency[] {
  const isSet = (key: string): boolean => environment[key] !== undefined;
  const lacking = together.flatMap((keys) => {
    const given = keys.filter(isSet);
    if (given.length === 0) return [];
    const message = `is missing, but ${given.join(" and ")} ${given.length === 1 ? "is" : "are"} set: set all of them, or none`;
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
            message: "is set together with SLUICE_REGISTRY_USERNAME: set only one of them",
          },
        ]
      : [];
  return [...lacking, ...idle, ...twice, ...plainRegistry(environment)];
}

/** An address that is not valid alone is reported by its own schema. */
function plainRegistry(environment: Environment): readonly Inconsistency[] {
  const { SLUICE_REGISTRY_URL: url = "", SLUICE_REGISTRY_ALLOW_PLAIN_HTTP: allowed } = environment;
  const allowedBy = "SLUICE_REGISTRY_ALLOW_PLAIN_HTTP=true";
  const rulesOf = (allowPlainHttp: boolean) =>
    webAddressProblem(url, { allowPlainHttp, allowedBy });
  const message = rulesOf(allowed === "true");
  return message === undefined || rulesOf(true) !== undefined
    ? []
    : [{ key: "SLUICE_REGISTRY_URL", message }];
}

interface KeyPair {
  readonly SLUICE_KAFKA_TLS_CERT_FILE?: unknown;
  readonly SLUICE_KAFKA_TLS_KEY_FILE?: unknown;
}

/** Reports a certificate and a key that do not match. The broker would only refuse the connection. */
export function keyPairProblem(config: KeyPair): readonly Inconsistency[] {
  const { SLUICE_KAFKA_TLS_CERT_FILE: cert, SLUICE_KAFKA_TLS_KEY_FILE: key } = config;
  if (typeof cert !== "string" || typeof key !== "string") return [];
  try {
    createSecureContext({ cert, key });
    return [];
  } catch {
    const message =
      "is not the key of SLUICE_KAFKA_TLS_CERT_FILE, or one of the two files is damaged";
    return [{ key: "SLUICE_KAFKA_TLS_KEY_FILE", message }];
  }
}
