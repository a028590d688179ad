import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import {
  type Container,
  composeWith,
  generated,
  root,
  textOf,
  variablesAskedFor,
} from "./compose.fixture.ts";
import { parseDockerfile } from "./dockerfile.ts";
import { mainOf, programs } from "./programs.ts";

/** As much of zod's schema as is asked of it here. */
interface Schema {
  readonly shape: Readonly<Record<string, unknown>>;
  safeParse(environment: Readonly<Record<string, string>>): { readonly error?: Error };
}

const values = generated(variablesAskedFor());
const compose = composeWith(values);
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

test("every service runs, in a container of its name and from the one image", () => {
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
  "%s is told all that its schema asks for, each valid",
  async ([name, container]) => {
    const { error } = (await schemaOf(name)).safeParse(environmentOf(container));
    expect(error).toBeUndefined();
  },
);

test.for(services)(
  "%s is told nothing that it does not read",
  async ([name, { environment = {} }]) => {
    const known = new Set(Object.keys((await schemaOf(name)).shape));
    if ("SLUICE_CONFIG" in environment) for (const each of declaredVariables) known.add(each);
    expect(Object.keys(environment).filter((key) => !known.has(key))).toEqual([]);
  },
);

test("whoever reads the declarations is given the file and the variables that it names", () => {
  const readers = services.filter(([, { environment = {} }]) => "SLUICE_CONFIG" in environment);
  const file = compose.configs["declarations"]?.file ?? "";
  expect(existsSync(join(root, file))).toBe(true);
  for (const [, { environment = {}, configs = [] }] of readers) {
    expect(configs).toEqual([{ source: "declarations", target: environment["SLUICE_CONFIG"] }]);
    expect(Object.keys(environment)).toEqual(expect.arrayContaining(declaredVariables));
  }
});

test("simulator and provisioning are told what they read", () => {
  const read = {
    simulator: textOf("tools/provider-simulator/src/config.ts"),
    provision: ["libs/provisioning/src/environment.ts", "libs/service-host/src/connection-keys.ts"]
      .map(textOf)
      .join("\n"),
  };
  for (const [name, source] of Object.entries(read)) {
    const told = Object.keys(compose.services[name]?.environment ?? {});
    expect(told.length).toBeGreaterThan(3);
    expect(told.filter((key) => !new RegExp(`\\b${key}\\b`).test(source))).toEqual([]);
  }
});

test("ports are those of `sluice up`, on the loopback address alone", async () => {
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
  "%s listens where it is published and asked for its health",
  async ([name, container]) => {
    const defaults = await defaultPorts();
    const { SLUICE_ADMIN_HOST, SLUICE_ADMIN_PORT, SLUICE_HTTP_HOST, SLUICE_HTTP_PORT } =
      environmentOf(container);
    expect(SLUICE_ADMIN_HOST).toBe("0.0.0.0");
    expect(Number(SLUICE_ADMIN_PORT)).toBe(defaults[`${name}-admin`]);
    expect(container.ports).toContain(`127.0.0.1:${SLUICE_ADMIN_PORT}:${SLUICE_ADMIN_PORT}`);
    // The image's own check asks the port that this variable names.
    expect(container.healthcheck).toBeUndefined();
    if (SLUICE_HTTP_PORT === undefined) return;
    expect(SLUICE_HTTP_HOST).toBe("0.0.0.0");
    expect(container.ports).toContain(`127.0.0.1:${defaults["http"]}:${SLUICE_HTTP_PORT}`);
  },
);

test("the simulator is asked for its health where it listens, as the providers' address says", () => {
  const { ports, environment, healthcheck } = compose.services["simulator"] ?? {};
  const port = environment?.["SLUICE_SIMULATOR_PORT"] ?? "";
  expect(healthcheck?.test?.slice(2)).toEqual(["infra/images/dist/health-main.js", port]);
  expect(ports).toEqual([`127.0.0.1:${port}:${port}`]);
  const addresses = services.flatMap(
    ([, each]) => each.environment?.["SLUICE_SIMULATOR_URL"] ?? [],
  );
  expect(new Set(addresses)).toEqual(new Set([`http://simulator:${port}/v1`]));
});

test("whoever is given an address waits until its container is healthy, and services for provisioning", () => {
  const wrong = own.flatMap(([name, { environment = {}, depends_on = {} }]) => {
    const used = Object.entries(environment).flatMap(([key, value]) =>
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

test("every container can say that it is healthy, and comes back after a crash; provisioning ends", () => {
  const lasting = containers.filter(([name]) => name !== "provision");
  const restarts = new Set(lasting.map(([, { restart }]) => restart));
  const mute = lasting.filter(([, { build, healthcheck }]) => !build && !healthcheck?.test);
  expect(restarts).toEqual(new Set(["unless-stopped"]));
  expect(mute).toEqual([]);
  expect(compose.services["provision"]).toMatchObject({
    restart: "no",
    healthcheck: { disable: true },
  });
});

test("every image has a version, and parts have that of the local stack", () => {
  const images = new Map(containers.map(([name, { image }]) => [name, image.split(":")]));
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

test("the broker is set as the local stack's is", () => {
  const settings = textOf("infra/local/config/server.properties").matchAll(/^([\w.]+)=(.*)$/gm);
  const expected = [...settings].map(([, name = "", value]) => [
    `KAFKA_${name.replaceAll(".", "_").toUpperCase()}`,
    value,
  ]);
  expect(expected.length).toBeGreaterThan(15);
  expect(compose.services["kafka"]?.environment).toMatchObject(Object.fromEntries(expected));
});

test("Redis loses no acknowledged write, evicts nothing, and asks for a password", () => {
  const { command = [], volumes } = compose.services["redis"] ?? {};
  expect(command.join(" ")).toContain("--appendonly yes --save  --maxmemory-policy noeviction");
  expect(command.at(command.indexOf("--requirepass") + 1)).toBe(
    values["SLUICE_COMPOSE_REDIS_PASSWORD"],
  );
  expect(volumes).toEqual(["redis:/data"]);
});

test("what lasts is in a volume with a name; what is mounted from here is there and read only", () => {
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

test("the simulator's bill is kept in its volume, where the image lets its user write", () => {
  const { environment, volumes } = compose.services["simulator"] ?? {};
  const made = imageInstructions.find(({ text }) => text.startsWith("mkdir --mode=1777 "));
  const folder = `/sluice/${made?.text.split(" ").at(-1)}`;
  expect(volumes).toEqual([`simulator:${folder}`]);
  expect(posix.dirname(environment?.["SLUICE_SIMULATOR_BILL"] ?? "")).toBe(folder);
});

test("a script of PostgreSQL's first start is run, not read into the image's own", () => {
  const script = join(root, "infra/images/config/registry-database.sh");
  expect(statSync(script).mode & 0o111).toBe(0o111);
});

test("secrets reach those alone that need them: keys ingress, providers' the adapter, the ledger's the accountant", () => {
  const references = (under: string): readonly string[] =>
    [...sectionOf(declared, under).matchAll(/file:secrets\/([\w-]+)/g)].map(
      ([, name = ""]) => name,
    );
  const given = services.map(([name, { secrets = [] }]) => [name, secrets] as const);
  expect(Object.fromEntries(given.filter(([, secrets]) => secrets.length > 0))).toEqual({
    ingress: references("tenants"),
    "inference-adapter": references("providers"),
  });
  const knowLedger = services.filter(
    ([, container]) => "SLUICE_LEDGER_URL" in environmentOf(container),
  );
  expect(knowLedger.map(([name]) => name)).toEqual(["cost-accountant"]);
  // Compose puts secrets into /run/secrets; `file:` is relative to the declarations.
  const path = compose.services["ingress"]?.environment?.["SLUICE_CONFIG"] ?? "";
  expect(posix.join(posix.dirname(path), "secrets")).toBe("/run/secrets");
});

test("the simulator takes the key that the adapter is given", () => {
  const variable = compose.secrets["simulator-key"]?.environment ?? "";
  expect(compose.services["simulator"]?.environment?.["SLUICE_SIMULATOR_KEY"]).toBe(
    values[variable],
  );
});

test("nothing secret stands in the file: what is named so is generated by the user", () => {
  const named = containers.flatMap(([, { environment = {} }]) =>
    Object.entries(environment).filter(([key]) => /KEY|PASSWORD|SECRET|AUTH/.test(key)),
  );
  const secrets = new Set(Object.values(values));
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter(([, value]) => !secrets.has(value))).toEqual([]);
  expect(() => composeWith({})).toThrow(/is not set: see infra\/images\/README.md/);
});

test("the commands of the README generate all that is asked for, each of its own and hard to guess", () => {
  const [, commands = ""] =
    /```sh\n(mkdir -p .sluice\n[\s\S]*?)```/.exec(textOf("infra/images/README.md")) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "sluice-compose-"));
  execFileSync("sh", ["-ec", commands], { cwd: folder });
  const file = join(folder, ".sluice", "compose.env");
  const lines = [...readFileSync(file, "utf8").matchAll(/^(\w+)=([0-9a-f]{48})$/gm)];
  expect(lines.map(([, name = ""]) => name).toSorted()).toEqual(variablesAskedFor());
  expect(new Set(lines.map(([, , secret]) => secret)).size).toBe(lines.length);
  expect(statSync(file).mode & 0o077).toBe(0);
  rmSync(folder, { recursive: true });
});

// The plugin reads the file without a daemon, and a Docker command alone is not the plugin.
const hasCompose = spawnSync("docker", ["compose", "version"]).status === 0;
test.runIf(hasCompose)(
  `Compose finds no fault with the file${hasCompose ? "" : " (skipped: no Docker Compose here)"}`,
  () => {
    const { status, stderr } = spawnSync("docker", ["compose", "config", "--quiet"], {
      cwd: root,
      env: { ...process.env, ...values },
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

function environmentOf({ environment }: Container): Readonly<Record<string, string>> {
  return { ...imageVariables, ...environment };
}

/** Names of containers in an address: `kafka:9092`, `redis://:password@redis:6379/0`. */
function hostsIn(value: string): readonly string[] {
  return Object.keys(compose.services).filter((name) =>
    new RegExp(`(?:^|[/@,])${name}:\\d+`).test(value),
  );
}

/** From a key of the first level to the next one. */
function sectionOf(yaml: string, key: string): string {
  return new RegExp(`^${key}:\\n((?:[ #].*\\n|\\n)*)`, "m").exec(yaml)?.[1] ?? "";
}

function sorted(entries: readonly (readonly unknown[])[]): string {
  return entries
    .map((each) => each.join(" "))
    .toSorted()
    .join("\n");
}
