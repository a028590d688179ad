import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import {
  type Container,
  composeWith,
  environmentWith,
  generatedSecrets,
  root,
  textOf,
  withoutDigest,
} from "./compose.fixture.ts";
import { parseDockerfile } from "./dockerfile.ts";
import { mainOf, programs } from "./programs.ts";

/** The part of zod's schema that these tests use. */
interface Schema {
  readonly shape: Readonly<Record<string, unknown>>;
  safeParse(environment: Readonly<Record<string, string>>): { readonly error?: Error };
}

/** The part of the service host that these tests use. */
interface ServiceHost {
  readonly parseConfig: (schema: Schema, environment: Readonly<Record<string, string>>) => unknown;
}

/** The part of the declarations that these tests use. */
interface DeclarationsPackage {
  readonly FileDeclarations: {
    read(
      path: string,
      environment: Readonly<Record<string, string>>,
    ): { providers(): readonly { readonly baseUrl: string }[] };
  };
}

const values = generatedSecrets();
const compose = composeWith({});
const containers = Object.entries(compose.services);
const own = containers.filter(([, { build }]) => build !== undefined);
const services = own.filter(([name]) => programs[name]?.startsWith("services/"));
const declared = textOf("infra/local/sluice.yaml");
const declaredVariables = [...declared.matchAll(/env:(\w+)/g)].map(([, name = ""]) => name);
const imageInstructions =
  parseDockerfile(textOf("infra/images/Dockerfile")).at(-1)?.instructions ?? [];
const imageVariables = Object.fromEntries(
  imageInstructions
    .filter(({ keyword }) => keyword === "ENV")
    .flatMap(({ text }) => text.split(" ").map((each) => each.split("="))),
);

test("every service runs in a container with its name, and all use the same image", () => {
  const expected = Object.entries(programs).filter(([, folder]) => folder.startsWith("services/"));
  expect(services.map(([name]) => name)).toEqual(expected.map(([name]) => name));
  expect(services.filter(([name, { command }]) => command?.join() !== name)).toEqual([]);
  expect(new Set(own.map(([, { image }]) => image)).size).toBe(1);
});

test("the image runs every service of the local stack, in the same order", async () => {
  const exported: { readonly serviceNames: readonly string[] } = await import(
    join(root, "infra/local/src/services.ts")
  );
  expect(Object.keys(programs).slice(0, exported.serviceNames.length)).toEqual(
    exported.serviceNames,
  );
});

test("every command begins with a program of the image", () => {
  const mains = own.map(([, { command }]) => mainOf(programs[command?.[0] ?? ""] ?? ""));
  const sources = mains.map((main) => main.replace("/dist/main.js", "/src/main.ts"));
  expect(sources.filter((source) => !existsSync(join(root, source)))).toEqual([]);
});

test.for(services)(
  "%s receives every variable that it requires, with valid values that agree with each other",
  async ([name, container]) => {
    const { parseConfig }: ServiceHost = await import(
      join(root, "libs/service-host/src/environment.ts")
    );
    const schema = await schemaOf(name);
    expect(() => parseConfig(schema, environmentOf(container))).not.toThrow();
  },
);

test.for(services)(
  "%s accepts the provider's address in the declarations",
  async ([, container]) => {
    const { FileDeclarations }: DeclarationsPackage = await import(
      join(root, "libs/declarations/src/index.ts")
    );
    const environment = environmentOf(container);
    if (!("SLUICE_CONFIG" in environment)) return;
    const declarations = FileDeclarations.read(join(root, "infra/local/sluice.yaml"), environment);
    expect(declarations.providers().map(({ baseUrl }) => baseUrl)).toEqual([
      "http://simulator:19097/v1",
    ]);
  },
);

test.for(services)("%s receives no variable that it does not read", async ([name, container]) => {
  const environment = environmentWith(container, values);
  const known = new Set(Object.keys((await schemaOf(name)).shape));
  if ("SLUICE_CONFIG" in environment) for (const each of declaredVariables) known.add(each);
  expect(Object.keys(environment).filter((key) => !known.has(key))).toEqual([]);
});

test("every service that reads the declarations receives the file and the variables that it names", () => {
  const readers = services.filter(([, { environment = {} }]) => "SLUICE_CONFIG" in environment);
  const file = compose.configs["declarations"]?.file ?? "";
  expect(existsSync(join(root, file))).toBe(true);
  for (const [, { environment = {}, configs = [] }] of readers) {
    expect(configs).toEqual([{ source: "declarations", target: environment["SLUICE_CONFIG"] }]);
    expect(Object.keys(environment)).toEqual(expect.arrayContaining(declaredVariables));
  }
});

test("the simulator and the provisioning receive no variable that they do not read", () => {
  const read = {
    simulator: textOf("tools/provider-simulator/src/config.ts"),
    provision: [
      "libs/provisioning/src/environment.ts",
      "libs/service-host/src/connection-keys.ts",
      "tools/cli/src/provision.ts",
    ]
      .map(textOf)
      .join("\n"),
  };
  for (const [name, source] of Object.entries(read)) {
    const container = compose.services[name];
    const given = Object.keys(container ? environmentWith(container, values) : {});
    expect(given.length).toBeGreaterThan(3);
    expect(given.filter((key) => !new RegExp(`\\b${key}\\b`).test(source))).toEqual([]);
  }
});

test("the published ports are those of `sluice up`, on the loopback address only", async () => {
  const defaults = await defaultPorts();
  const published = containers.flatMap(([, { ports = [] }]) =>
    ports.map((each) => each.split(":")),
  );
  expect(published.filter(([host]) => host !== "127.0.0.1")).toEqual([]);
  const { controller: _, ...expected } = defaults;
  expect(published.map(([, port = ""]) => port).toSorted()).toEqual(
    Object.values(expected).map(String).toSorted(),
  );
});

test.for(services)(
  "%s listens on the port that is published and that the health check queries",
  async ([name, container]) => {
    const defaults = await defaultPorts();
    const { SLUICE_ADMIN_HOST, SLUICE_ADMIN_PORT, SLUICE_HTTP_HOST, SLUICE_HTTP_PORT } =
      environmentOf(container);
    expect(SLUICE_ADMIN_HOST).toBe("0.0.0.0");
    expect(Number(SLUICE_ADMIN_PORT)).toBe(defaults[`${name}-admin`]);
    expect(container.ports).toContain(`127.0.0.1:${SLUICE_ADMIN_PORT}:${SLUICE_ADMIN_PORT}`);
    // The image's own health check uses the port in this variable.
    expect(container.healthcheck).toBeUndefined();
    if (SLUICE_HTTP_PORT === undefined) return;
    expect(SLUICE_HTTP_HOST).toBe("0.0.0.0");
    expect(container.ports).toContain(`127.0.0.1:${defaults["http"]}:${SLUICE_HTTP_PORT}`);
  },
);

test("the simulator's health check and the providers' address use the port on which it listens", () => {
  const { ports, environment, healthcheck } = compose.services["simulator"] ?? {};
  const port = environment?.["SLUICE_SIMULATOR_PORT"] ?? "";
  expect(healthcheck?.test?.slice(2)).toEqual(["infra/images/dist/health-main.js", port]);
  expect(ports).toEqual([`127.0.0.1:${port}:${port}`]);
  const addresses = services.flatMap(
    ([, each]) => each.environment?.["SLUICE_SIMULATOR_URL"] ?? [],
  );
  expect(new Set(addresses)).toEqual(new Set([`http://simulator:${port}/v1`]));
});

test("a container waits until every container whose address it receives is healthy, and a service also waits for the provisioning", () => {
  const wrong = own.flatMap(([name, container]) => {
    const { depends_on = {} } = container;
    const used = Object.entries(environmentOf(container)).flatMap(([key, value]) =>
      declaredVariables.includes(key) && name !== "inference-adapter" ? [] : hostsIn(value),
    );
    const expected = Object.fromEntries(used.map((host) => [host, "service_healthy"]));
    if (programs[name]?.startsWith("services/"))
      expected["provision"] = "service_completed_successfully";
    const waited = Object.entries(depends_on).map(([each, { condition }]) => [each, condition]);
    return sorted(Object.entries(expected)) === sorted(waited) ? [] : [{ name, expected, waited }];
  });
  expect(wrong).toEqual([]);
});

test("every container has a health check and restarts after a crash, and the provisioning does not restart", () => {
  const permanent = containers.filter(([name]) => name !== "provision");
  const restarts = new Set(permanent.map(([, { restart }]) => restart));
  const unchecked = permanent.filter(([, { build, healthcheck }]) => !build && !healthcheck?.test);
  expect(restarts).toEqual(new Set(["unless-stopped"]));
  expect(unchecked).toEqual([]);
  expect(compose.services["provision"]).toMatchObject({
    restart: "no",
    healthcheck: { disable: true },
  });
});

test("every image has a version, and the parts have the versions of the local stack", () => {
  const images = new Map(
    containers.map(([name, { image }]) => [name, withoutDigest(image).split(":")]),
  );
  expect([...images.values()].filter(([, tag]) => tag === undefined || tag === "latest")).toEqual(
    [],
  );
  const pom = textOf("infra/local/config/pom.xml");
  const local = (part: string): string =>
    new RegExp(`<${part}\\.version>(.*?)<`).exec(pom)?.[1] ?? "";
  expect(images.get("kafka")?.[1]).toBe(local("kafka"));
  expect(images.get("registry")?.[1]).toBe(local("apicurio"));
  expect(`${images.get("postgres")?.[1]}.0`).toBe(local("postgres"));
});

test("every image of another project is named by a version, and a digest is a whole SHA-256", () => {
  const named = containers.flatMap(([, { build, image }]) => (build ? [] : [image]));
  expect(new Set(named).size).toBe(4);
  expect(named.filter((image) => !/:\d+\.\d[\w.-]*(?:@sha256:[0-9a-f]{64})?$/.test(image))).toEqual(
    [],
  );
  const pinned = named.filter((image) => image.includes("@")).map(withoutDigest);
  expect(pinned).toContain("postgres:18.4");
});

test("the broker has the same settings as that of the local stack, because its start script reads the same file", () => {
  const { volumes, command } = compose.services["kafka"] ?? {};
  expect(volumes).toContain(
    "./infra/local/config/server.properties:/etc/sluice/server.properties:ro",
  );
  expect(volumes).toContain("./infra/images/config/kafka.sh:/etc/sluice/kafka.sh:ro");
  expect(command).toEqual(["/etc/sluice/kafka.sh"]);
});

test("the server of state loses no acknowledged write and evicts nothing, and that of the cache stores and evicts", () => {
  const [state, cache] = [compose.services["redis"], compose.services["cache-redis"]];
  const commands = [state, cache].map((server) => server?.command ?? []);
  expect(commands.map((command) => command.join(" "))).toEqual([
    "valkey-server --appendonly yes --save  --maxmemory-policy noeviction --maxmemory 1gb --aclfile /run/secrets/state-users",
    "valkey-server --appendonly no --save  --maxmemory-policy allkeys-lru --maxmemory 256mb --aclfile /run/secrets/cache-users",
  ]);
  expect(state?.volumes).toEqual(["state:/data"]);
  expect(cache?.volumes).toBeUndefined();
});

test("both servers have the settings of the local stack's Redis", () => {
  const local = textOf("infra/local/src/servers/redis.ts");
  for (const name of ["redis", "cache-redis"])
    for (const setting of (compose.services[name]?.command ?? []).slice(1, -2))
      expect(local).toContain(JSON.stringify(setting));
});

test("persistent data is in named volumes, and files mounted from the repository exist and are read only", () => {
  const mounted = containers.flatMap(([, { volumes = [] }]) =>
    volumes.map((each) => each.split(":")),
  );
  const named = mounted.filter(([source = ""]) => !source.startsWith("."));
  const files = mounted.filter(([source = ""]) => source.startsWith("."));
  expect(named.map(([source = ""]) => source).toSorted()).toEqual(
    Object.keys(compose.volumes).toSorted(),
  );
  expect(
    files.filter(([source = "", , mode]) => mode !== "ro" || !existsSync(join(root, source))),
  ).toEqual([]);
});

test("the simulator's bill is stored in its volume, in the folder that the image's user may write to", () => {
  const { environment, volumes } = compose.services["simulator"] ?? {};
  const made = imageInstructions.find(({ text }) => text.startsWith("mkdir --mode=1777 "));
  const folder = `/sluice/${made?.text.split(" ").at(-1)}`;
  expect(volumes).toEqual([`simulator:${folder}`]);
  expect(posix.dirname(environment?.["SLUICE_SIMULATOR_BILL"] ?? "")).toBe(folder);
});

test("the scripts are executable, so that the images run them", () => {
  for (const name of ["databases.sh", "kafka.sh", "compose-secrets.sh"])
    expect(statSync(join(root, "infra/images/config", name)).mode & 0o111).toBe(0o111);
});

test("only ingress receives API keys and the secret of replays, only the adapter providers' keys, and only the accountant the ledger's address", () => {
  const references = (under: string): readonly string[] =>
    [...sectionOf(declared, under).matchAll(/file:secrets\/([\w-]+)/g)].map(
      ([, name = ""]) => name,
    );
  const receivers = (secret: string): readonly string[] =>
    containers.filter(([, { secrets = [] }]) => secrets.includes(secret)).map(([name]) => name);
  expect(references("tenants").map(receivers)).toEqual([["ingress"]]);
  expect(references("providers").map(receivers)).toEqual([["simulator", "inference-adapter"]]);
  expect(receivers("ledger-url")).toEqual(["cost-accountant"]);
  expect(receivers("replay-secret")).toEqual(["ingress"]);
  expect(receivers("attribution-secret")).toEqual(["ingress", "cost-accountant"]);
  expect(receivers("costs-token")).toEqual(["cost-accountant"]);
  const knowLedger = services.filter(
    ([, container]) => "SLUICE_LEDGER_URL" in environmentOf(container),
  );
  expect(knowLedger.map(([name]) => name)).toEqual(["cost-accountant"]);
  // Provisioning reads the same declarations, which name the tenants that have their own topics.
  const { configs, environment = {} } = compose.services["provision"] ?? {};
  expect(configs).toEqual([{ source: "declarations", target: environment["SLUICE_CONFIG"] }]);
  // Compose puts secrets into /run/secrets; `file:` is relative to the declarations.
  const path = compose.services["ingress"]?.environment?.["SLUICE_CONFIG"] ?? "";
  expect(posix.join(posix.dirname(path), "secrets")).toBe("/run/secrets");
});

// The Compose plugin reads the file without a daemon. A Docker command can exist without the plugin.
const hasCompose = spawnSync("docker", ["compose", "version"]).status === 0;
test.runIf(hasCompose)(
  `Docker Compose accepts the file${hasCompose ? "" : " (skipped: Docker Compose is not installed)"}`,
  () => {
    const { status, stderr } = spawnSync("docker", ["compose", "config", "--quiet"], {
      cwd: root,
      env: process.env,
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  },
);

async function schemaOf(name: string): Promise<Schema> {
  const exported: Readonly<Record<string, unknown>> = await import(
    join(root, programs[name] ?? "", "src/config.ts")
  );
  const schema = Object.values(exported).find(isSchema);
  if (!schema) throw new Error(`${name} exports no schema.`);
  return schema;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && "shape" in value && "safeParse" in value;
}

async function defaultPorts(): Promise<Readonly<Record<string, number>>> {
  const exported: { readonly defaultPorts: Readonly<Record<string, number>> } = await import(
    join(root, "infra/local/src/ports.ts")
  );
  return exported.defaultPorts;
}

function environmentOf(container: Container): Readonly<Record<string, string>> {
  return { ...imageVariables, ...environmentWith(container, values) };
}

/** Returns the containers that an address names: `kafka:9092`, `redis://:password@redis:6379/0`. */
function hostsIn(value: string): readonly string[] {
  return Object.keys(compose.services).filter((name) =>
    new RegExp(`(?:^|[/@,])${name}:\\d+`).test(value),
  );
}

/** Returns the text from a key of the first level to the next key. */
function sectionOf(yaml: string, key: string): string {
  return new RegExp(`^${key}:\\n((?:[ #].*\\n|\\n)*)`, "m").exec(yaml)?.[1] ?? "";
}

function sorted(entries: readonly (readonly unknown[])[]): string {
  return entries
    .map((each) => each.join(" "))
    .toSorted()
    .join("\n");
}
