import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Account,
  findFreePorts,
  guardDataDir,
  LocalStack,
  removeDataDir,
} from "@sluice/local-stack";
import {
  clientRules,
  principalOf,
  provision,
  provisioningOptionsOf,
  type ServiceAccount,
  serviceAccounts,
  serviceRules,
  type TenantAccess,
  tenantPrincipalOf,
  tenantRules,
} from "@sluice/provisioning";
import { type AccessRule, KafkaAccess } from "@sluice/stage";
import { CertificateAuthority, type KeyPair } from "./certificates.ts";
import { RegistryFront } from "./registry-front.ts";
import { stackAddresses } from "./stack-addresses.ts";

/** Paths of PEM files. */
export interface SecuredFiles {
  /** The CA that signed the certificate of each server. */
  readonly ca: string;
  /** Another CA with the same name. */
  readonly otherCa: string;
  /** A client certificate from the CA, for `certificateBrokers`. */
  readonly clientCert: string;
  readonly clientKey: string;
}

type Environment = Readonly<Record<string, string>>;

/** Accounts in addition to those of the services and tenants. The stranger has no rights. */
export const securedUsers = { admin: "admin", client: "shop", stranger: "stranger" } as const;
/** The tenants that have topics and accounts of their own, each with one key. */
export const securedTenants: readonly TenantAccess[] = ["alpha", "beta"].map((tenant) => ({
  tenant,
  keyIds: [tenant],
}));
const securedTenantIds = securedTenants.map(({ tenant }) => tenant);
const tenantAccounts = securedTenantIds.map((tenant) =>
  tenantPrincipalOf(tenant).slice("User:".length),
);

/** The subject of the client certificate. */
export const certificateSubject = "reports";

/**
 * Kafka with SASL_SSL and ACLs, Redis with TLS and ACL users, PostgreSQL with TLS and passwords, and a
 * proxy with TLS and accounts for the run's registry. Each service has its own account. Keys and
 * passwords are generated at start and removed at stop.
 */
export class SecuredStack {
  readonly files: SecuredFiles;
  readonly brokers: string;
  /** The address of a listener that requires a client certificate. */
  readonly certificateBrokers: string;
  readonly registryUrl: string;
  readonly registryToken: string;
  readonly dataDir: string;
  readonly #stack: LocalStack;
  readonly #front: RegistryFront;
  readonly #passwords: ReadonlyMap<string, string>;
  readonly #dismissGuard: () => void;

  private constructor(parts: Parts) {
    const { stack, front, files, passwords, token, certificatePort } = parts;
    this.files = files;
    this.#stack = stack;
    this.#front = front;
    this.#passwords = passwords;
    this.#dismissGuard = parts.dismissGuard;
    this.dataDir = stack.dataDir;
    this.brokers = stack.addresses.kafka;
    this.certificateBrokers = `127.0.0.1:${certificatePort}`;
    this.registryUrl = front.url;
    this.registryToken = token;
  }

  static async start(): Promise<SecuredStack> {
    const dataDir = mkdtempSync(join(tmpdir(), "sluice-secured-"));
    const guard = guardDataDir(dataDir);
    const dismissGuard = (): void => guard.dismiss();
    const { files, server, passwords } = secretsIn(dataDir);
    const token = randomBytes(24).toString("hex");
    const [certificatePort = 0] = await findFreePorts(1);
    const account = (name: string): Account => ({ name, password: passwords.get(name) ?? "" });
    const services = serviceAccounts.map(accountOf).map(account);
    const { admin, client, stranger } = securedUsers;
    const stack = await LocalStack.open({
      dataDir,
      freePorts: true,
      environment: withoutAddresses(process.env),
      report: () => undefined,
      security: {
        files: server,
        kafka: {
          admin: account(admin),
          users: [...services, ...tenantAccounts.map(account), account(client), account(stranger)],
          certificatePort,
        },
        redis: { redis: account("state"), "cache-redis": account("cache") },
        ledger: { owner: account("accountant"), others: [account(stranger)] },
      },
    });
    try {
      await stack.startParts(new AbortController().signal);
      const pair = server.pair;
      const users = new Map(
        [admin, client, ...serviceAccounts.map(accountOf)].map((name) => [
          name,
          passwords.get(name) ?? "",
        ]),
      );
      const readers = [...users.keys()].filter((name) => name !== admin);
      const front = await RegistryFront.open(stackAddresses().registryUrl, pair, {
        users,
        token,
        readers,
      });
      return new SecuredStack({
        stack,
        front,
        files,
        passwords,
        token,
        certificatePort,
        dismissGuard,
      });
    } catch (error) {
      await stack.stop();
      await removeDataDir(dataDir, process.env);
      dismissGuard();
      throw error;
    }
  }

  passwordOf(account: string): string {
    const password = this.#passwords.get(account);
    if (password === undefined) throw new Error(`There is no account ${account}.`);
    return password;
  }

  /** All passwords and tokens, so that a test can search logs and topics for them. */
  get secrets(): readonly string[] {
    return [...this.#passwords.values(), this.registryToken];
  }

  /** Returns the environment variables for Kafka and registry with an account. */
  kafkaEnvironment(account: string, mechanism = "scram-sha-512"): Environment {
    const password = this.passwordOf(account);
    return {
      SLUICE_KAFKA_BROKERS: this.brokers,
      SLUICE_KAFKA_SASL_MECHANISM: mechanism,
      SLUICE_KAFKA_SASL_USERNAME: account,
      SLUICE_KAFKA_SASL_PASSWORD: password,
      SLUICE_KAFKA_TLS: "true",
      SLUICE_KAFKA_TLS_CA_FILE: this.files.ca,
      SLUICE_REGISTRY_URL: this.registryUrl,
      SLUICE_REGISTRY_USERNAME: account,
      SLUICE_REGISTRY_PASSWORD: password,
      SLUICE_REGISTRY_TLS_CA_FILE: this.files.ca,
    };
  }

  /** The environment variables for the stores, with the accounts that may use them. */
  get storeEnvironment(): Environment {
    return {
      SLUICE_REDIS_URL: this.redisUrl("state"),
      SLUICE_REDIS_TLS_CA_FILE: this.files.ca,
      SLUICE_CACHE_REDIS_URL: this.redisUrl("cache"),
      SLUICE_CACHE_REDIS_TLS_CA_FILE: this.files.ca,
      SLUICE_LEDGER_URL: this.ledgerUrl("accountant"),
      // Its accountant owns the tables, and creates them itself.
      SLUICE_LEDGER_OWNER_URL: "",
    };
  }

  /**
   * Creates topics and schemas under a prefix as the administrator. With `rightsFor`, also grants each
   * service and tenant its rights, and grants the client's account the rights of a client with that key id.
   */
  async provision(topicPrefix: string, { rightsFor }: { rightsFor?: string } = {}): Promise<void> {
    const environment = {
      ...this.kafkaEnvironment(securedUsers.admin),
      SLUICE_KAFKA_TOPIC_PREFIX: topicPrefix,
      SLUICE_KAFKA_PARTITIONS: "2",
    };
    const options = provisioningOptionsOf(environment, "testing");
    const client = `User:${securedUsers.client}`;
    const access =
      rightsFor === undefined
        ? []
        : [
            ...serviceRules(topicPrefix, securedTenantIds),
            ...clientRules(client, rightsFor, topicPrefix),
            ...securedTenants.flatMap((tenant) => tenantRules(tenant, topicPrefix)),
          ];
    await provision({ ...options, access, tenantsWithTopics: securedTenantIds });
  }

  /** Grants one more right as the administrator. Names in the rule include the prefix. */
  async grant(rule: AccessRule): Promise<void> {
    const environment = this.kafkaEnvironment(securedUsers.admin);
    const access = new KafkaAccess(provisioningOptionsOf(environment, "testing").kafka);
    await access.grant([rule]);
    await access.close();
  }

  redisUrl(account: "state" | "cache"): string {
    const { redis, cacheRedis } = this.#stack.addresses;
    const address = account === "state" ? redis : cacheRedis;
    return `${address.replace("//", `//${account}:${this.passwordOf(account)}@`)}/0`;
  }

  ledgerUrl(account: string): string {
    const url = new URL(this.#stack.addresses.ledger);
    url.username = account;
    url.password = this.passwordOf(account);
    url.search = String(
      new URLSearchParams({ sslmode: "verify-full", sslrootcert: this.files.ca }),
    );
    return url.href;
  }

  async stop(): Promise<void> {
    await this.#front.close();
    await this.#stack.stop();
    await removeDataDir(this.dataDir, process.env);
    this.#dismissGuard();
  }
}

interface Parts {
  readonly stack: LocalStack;
  readonly front: RegistryFront;
  readonly files: SecuredFiles;
  readonly passwords: ReadonlyMap<string, string>;
  readonly token: string;
  readonly certificatePort: number;
  readonly dismissGuard: () => void;
}

/** Returns the name of a service's account, as in the rules of provisioning. */
export function accountOf(service: ServiceAccount): string {
  return principalOf(service).slice("User:".length);
}

function secretsIn(folder: string): {
  readonly files: SecuredFiles;
  readonly server: {
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
    readonly pair: KeyPair;
  };
  readonly passwords: ReadonlyMap<string, string>;
} {
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const authority = new CertificateAuthority("Sluice test CA");
  const pair = authority.issue("127.0.0.1");
  const client = authority.issue(certificateSubject);
  const ca = write("ca.pem", authority.cert);
  const names = [
    ...serviceAccounts.map(accountOf),
    ...tenantAccounts,
    ...Object.values(securedUsers),
    "state",
    "cache",
    "accountant",
  ];
  return {
    files: {
      ca,
      otherCa: write("other-ca.pem", new CertificateAuthority("Sluice test CA").cert),
      clientCert: write("client.pem", client.cert),
      clientKey: write("client-key.pem", client.key),
    },
    server: {
      ca,
      cert: write("server.pem", pair.cert),
      key: write("server-key.pem", pair.key),
      pair,
    },
    passwords: new Map(names.map((name) => [name, randomBytes(18).toString("hex")])),
  };
}

/** Removes the addresses of the run's parts, because this stack starts its own. Only the registry is shared. */
function withoutAddresses(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const {
    SLUICE_KAFKA_BROKERS: _,
    SLUICE_REDIS_URL: _r,
    SLUICE_CACHE_REDIS_URL: _c,
    SLUICE_LEDGER_URL: _l,
    ...others
  } = environment;
  return others;
}
