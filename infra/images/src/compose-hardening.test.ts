import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  type Container,
  composeWith,
  environmentWith,
  generatedSecrets,
  root,
  textOf,
} from "./compose.fixture.ts";

/** The part of the provisioning that these tests use. */
interface Access {
  readonly serviceAccounts: readonly string[];
  readonly principalOf: (service: string) => string;
}

const secrets = generatedSecrets();
const compose = composeWith({});
const containers = Object.entries(compose.services);
const own = containers.filter(([, { build }]) => build !== undefined);
const parts = ["kafka", "registry", "redis", "cache-redis", "postgres", "simulator"];
const kafkaScript = textOf("infra/images/config/kafka.sh");
const folder = mkdtempSync(join(tmpdir(), "sluice-hardening-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.for(containers)(
  "%s can write only to its volumes and to memory, and has no right that it does not need",
  ([, { read_only, tmpfs, cap_drop, cap_add, privileged, security_opt }]) => {
    expect({ read_only, cap_drop, cap_add, privileged, security_opt }).toEqual({
      read_only: true,
      cap_drop: ["ALL"],
      cap_add: undefined,
      privileged: undefined,
      security_opt: ["no-new-privileges:true"],
    });
    expect(tmpfs).toContain("/tmp");
  },
);

test.for(containers)("%s has a limit of memory and of processes", ([, container]) => {
  expect(container.mem_limit).toMatch(/^\d+[mg]$/);
  expect(container.pids_limit).toBeGreaterThan(0);
  expect(container.pids_limit).toBeLessThanOrEqual(512);
});

test("the servers of state, cache and ledger do not start as root, whose entry points need rights that are dropped", () => {
  const users = ["redis", "cache-redis", "postgres"].map((name) => compose.services[name]?.user);
  expect(users).toEqual(["999:999", "999:999", "postgres"]);
});

test.for(containers)(
  "%s has no secret in its variables, its arguments and its health check",
  ([, container]) => {
    const { environment = {}, command = [], healthcheck } = container;
    const shown = JSON.stringify([environment, command, healthcheck ?? null]);
    expect([...secrets.values()].filter((secret) => shown.includes(secret))).toEqual([]);
    const named = Object.keys(environment).filter((key) =>
      /PASSWORD|SECRET|TOKEN|AUTH|(?:^|_)KEY(?:_|$)/.test(key),
    );
    expect(named.filter((key) => !key.endsWith("_FILE"))).toEqual([]);
    expect(shown).not.toMatch(/requirepass|\/\/[^/"]*:[^/"]*@/);
  },
);

test("every secret is a file that the script generates, and a container receives each one", () => {
  const declared = Object.entries(compose.secrets);
  expect(declared.filter(([name, { file }]) => file !== `./.sluice/compose/${name}`)).toEqual([]);
  expect(declared.filter(([name]) => !secrets.has(name))).toEqual([]);
  const received = new Set(containers.flatMap(([, container]) => container.secrets ?? []));
  expect([...received].toSorted()).toEqual(declared.map(([name]) => name).toSorted());
});

test.for(containers)("%s receives every secret whose path it is given", ([, container]) => {
  const { environment = {}, command = [] } = container;
  const paths = JSON.stringify([environment, command]).matchAll(/\/run\/secrets\/([\w.-]+)/g);
  const missing = [...paths].filter(([, name = ""]) => !container.secrets?.includes(name));
  expect(missing.map(([path]) => path)).toEqual([]);
});

test("a second run of the script keeps every secret, and only their owner can open their folder", () => {
  const target = join(folder, "secrets");
  const script = join(root, "infra/images/config/compose-secrets.sh");
  const generated = () => {
    execFileSync(script, [target]);
    return readdirSync(target).map((name) => [name, readFileSync(join(target, name), "utf8")]);
  };
  const first = generated();
  expect(generated()).toEqual(first);
  expect(statSync(target).mode & 0o777).toBe(0o700);
  // The users of the containers are not the owner.
  expect(
    readdirSync(target).filter((name) => !(statSync(join(target, name)).mode & 0o004)),
  ).toEqual([]);
  const random = [...secrets.values()].filter((secret) => /^[0-9a-f]{48}$/.test(secret));
  expect(new Set(random).size).toBe(random.length);
  expect(random.length).toBeGreaterThan(15);
});

test.for(parts)(
  "only the containers that receive the address of %s share a network with it",
  (part) => {
    const networks = new Set(networksOf(part));
    const near = containers.filter(([name]) => networksOf(name).some((each) => networks.has(each)));
    const partners = containers.filter(
      ([name, container]) =>
        addressesIn(name, container).includes(part) ||
        addressesIn(part, compose.services[part]!).includes(name) ||
        name === part,
    );
    expect(near.map(([name]) => name)).toEqual(partners.map(([name]) => name));
  },
);

test("every network is declared, and no container is on the default network", () => {
  const used = containers.flatMap(([name]) => networksOf(name));
  expect(new Set(used)).toEqual(new Set(Object.keys(compose.networks)));
  expect(containers.filter(([name]) => networksOf(name).length === 0)).toEqual([]);
});

test("every service has an account of its own on Kafka, and the provisioning grants its rights", async () => {
  const { serviceAccounts, principalOf }: Access = await import(
    join(root, "libs/provisioning/src/access.ts")
  );
  const given = own.flatMap(([name, container]) => {
    const environment = environmentWith(container, secrets);
    if (!("SLUICE_KAFKA_BROKERS" in environment)) return [];
    expect(environment["SLUICE_KAFKA_SASL_MECHANISM"]).toBe("scram-sha-512");
    const account = environment["SLUICE_KAFKA_SASL_USERNAME"] ?? "";
    // The start script of the broker derives the account from the name of the file.
    expect(environment["SLUICE_KAFKA_SASL_PASSWORD"]).toBe(
      secrets.get(account.replace("sluice-", "kafka-")),
    );
    return [[name, account]];
  });
  expect(Object.fromEntries(given)).toEqual({
    provision: "sluice-admin",
    ...Object.fromEntries(
      serviceAccounts.map((name) => [name, principalOf(name).replace("User:", "")]),
    ),
  });
  expect(compose.services["provision"]?.command).toContain("--acls");
});

test("the broker accepts no connection without an account, and refuses what no rule allows", () => {
  const [, protocols = ""] = /^listener\.security\.protocol\.map=(.*)$/m.exec(kafkaScript) ?? [];
  expect(protocols.split(",").map((each) => each.split(":")[1])).toEqual(
    Array.from({ length: 4 }, () => "SASL_PLAINTEXT"),
  );
  expect(kafkaScript).toMatch(/^authorizer\.class\.name=.*StandardAuthorizer$/m);
  expect(kafkaScript).toMatch(/^allow\.everyone\.if\.no\.acl\.found=false$/m);
  expect(kafkaScript).toMatch(/^super\.users=User:broker;User:sluice-admin$/m);
  // Only these two listeners can be reached from outside of the container.
  expect(kafkaScript).toMatch(/^listeners=CONTAINERS:\/\/:9092,HOST:\/\/:19092,BROKER:\/\/127/m);
  for (const listener of ["containers", "host"])
    expect(kafkaScript).toContain(
      `listener.name.${listener}.sasl.enabled.mechanisms=SCRAM-SHA-512\n`,
    );
});

test("the broker's start script creates every account without a password in an argument", () => {
  const home = mkdtempSync(join(folder, "kafka-"));
  const received = mkdtempSync(join(folder, "secrets-"));
  const names = compose.services["kafka"]?.secrets ?? [];
  for (const name of names) writeFileSync(join(received, name), secrets.get(name) ?? "");
  execFileSync("mkdir", [join(home, "bin")]);
  const stub = join(home, "bin", "kafka-run-class.sh");
  writeFileSync(
    stub,
    '#!/bin/sh\necho "$@" >> "$0.arguments"\nfor a; do case "$a" in @*) cat "${a#@}" >> "$0.format";; esac; done\n',
  );
  chmodSync(stub, 0o755);
  const config = mkdtempSync(join(folder, "config-"));
  writeFileSync(join(config, "server.properties"), textOf("infra/local/config/server.properties"));
  writeFileSync(join(config, "kafka.sh"), kafkaScript);
  const memory = join(home, "memory");
  execFileSync("sh", [join(config, "kafka.sh")], {
    env: {
      PATH: process.env["PATH"],
      KAFKA_HOME: home,
      SLUICE_SECRETS: received,
      SLUICE_MEMORY: memory,
      SLUICE_KAFKA_DATA: join(home, "data"),
    },
  });
  const shown = readFileSync(`${stub}.arguments`, "utf8");
  expect(shown).toBe(
    `@${join(memory, "format")}\nkafka.Kafka ${join(memory, "server.properties")}\n`,
  );
  const format = readFileSync(`${stub}.format`, "utf8");
  for (const name of names.filter((each) => each !== "kafka-broker"))
    expect(format).toContain(
      `SCRAM-SHA-512=[name=${name.replace("kafka-", "sluice-")},password=${secrets.get(name)}]`,
    );
  expect(format).not.toContain("name=sluice-broker");
  // The file with the passwords is deleted, and the settings are closed to other users.
  expect(readdirSync(memory).toSorted()).toEqual(["client.properties", "server.properties"]);
  expect(statSync(join(memory, "server.properties")).mode & 0o077).toBe(0);
});

test("Valkey has no account without a password except one that may only send PING, and stores a hash", () => {
  for (const part of ["state", "cache"]) {
    const users = secrets.get(`${part}-users`)?.split("\n") ?? [];
    expect(users).toEqual([
      "user default off",
      "user health on nopass resetkeys resetchannels -@all +ping",
      expect.stringMatching(
        /^user sluice on #[0-9a-f]{64} ~\* &\* \+@all -@admin -@dangerous \+info$/,
      ),
    ]);
    expect(secrets.get(`${part}-url`)).toContain(secrets.get(`${part}-password`));
  }
});

test("the ledger and the registry have databases and owners of their own, which are not superusers", () => {
  const script = textOf("infra/images/config/databases.sh");
  expect(script).not.toMatch(/SUPERUSER|CREATEROLE|BYPASSRLS/);
  for (const database of ["postgres", "sluice", "registry"])
    expect(script).toContain(`REVOKE CONNECT ON DATABASE ${database} FROM PUBLIC;`);
  expect(secrets.get("ledger-url")).toMatch(
    /^postgres:\/\/accountant:[0-9a-f]{48}@postgres:5432\/sluice$/,
  );
  expect(compose.services["postgres"]?.environment).not.toHaveProperty("POSTGRES_USER");
  const administrators = containers.filter(([, { secrets: given = [] }]) =>
    given.includes("postgres-password"),
  );
  expect(administrators.map(([name]) => name)).toEqual(["postgres"]);
});

test("no image has a licence that restricts its use in services", () => {
  const images = containers.map(([, { image }]) => image);
  expect(images.filter((image) => /^(?:redis|redis\/.*)[:@]/.test(image))).toEqual([]);
  for (const name of ["redis", "cache-redis"])
    expect(compose.services[name]?.image).toMatch(/^valkey\/valkey:\d+\.\d+\.\d+$/);
});

function networksOf(name: string): readonly string[] {
  return compose.services[name]?.networks ?? [];
}

/** Returns the containers whose addresses a container receives. Only the adapter uses that of the simulator. */
function addressesIn(name: string, container: Container): readonly string[] {
  const given = Object.entries(environmentWith(container, secrets)).filter(
    ([key]) =>
      !["SLUICE_SIMULATOR_URL", "SLUICE_ADMIN_NAMES"].includes(key) || name === "inference-adapter",
  );
  const text = given.map(([, value]) => value).join(" ");
  return Object.keys(compose.services).filter((other) =>
    new RegExp(`(?:^|[\\s/@,])${other}:\\d+`).test(text),
  );
}
