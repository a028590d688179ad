import { Agent } from "node:https";
import { SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import type avro from "avsc";
import { connectionTroubleOf, PermanentFault, TransientFault } from "@sluice/domain";
import { ownTypes } from "./avro.ts";
import { schemas } from "./generated/schemas.ts";
import { subjectOf, type Topic } from "./topics.ts";

/** The credentials for the registry, and the CA that it must be signed by. */
export interface RegistryAccess {
  readonly basic?: { readonly username: string; readonly password: string };
  /** Sent as bearer token. */
  readonly token?: string;
  /** PEM text of the CA that signs its certificate. Without it, Node's own list of CAs is used. */
  readonly ca?: string;
}

/** A subject with more versions than these is searched no further. */
const versionsMax = 1_000;

type RegistryOptions = ConstructorParameters<typeof SchemaRegistry>[0];
type Middleware = NonNullable<RegistryOptions["middlewares"]>[number];

/** Client of a registry with Confluent's API. Distinguishes a missing schema, a refusal and an outage. */
export class SchemaRegistryClient {
  readonly #registry: SchemaRegistry;
  readonly #prefix: string;
  /** The address without user and password, for messages. */
  readonly #shown: string;
  /** The ids of all versions of a subject. */
  readonly #idsOf = new Map<string, ReadonlySet<number>>();

  /**
   * @param prefix the topic prefix, with which subjects begin too
   * @throws Defect `CONTRACT_AVSC_UNSUPPORTED`
   */
  constructor(url: string, prefix = "", { basic, token, ca }: RegistryAccess = {}) {
    this.#prefix = prefix;
    this.#shown = URL.parse(url)?.host ?? "an invalid address";
    this.#registry = new SchemaRegistry(
      {
        host: url,
        retry: { retries: 2, initialRetryTimeInSecs: 0.1, maxRetryTimeInSecs: 1 },
        ...(basic ? { auth: { ...basic } } : {}),
        ...(token ? { middlewares: [bearing(token)] } : {}),
        ...(ca ? { agent: new Agent({ ca, keepAlive: true }) } : {}),
      },
      { [SchemaType.AVRO]: { typeHook: ownTypes() } },
    );
  }

  /**
   * Returns the schema with this id, or undefined if it is not a version of the topic's subject. Who may
   * register a schema under any other subject must not choose how a topic is decoded.
   */
  async schemaOf(topic: Topic<unknown>, id: number): Promise<avro.Type | undefined> {
    const isVersion = await this.#hasVersion(subjectOf(this.#prefix, topic), id);
    if (!isVersion) return undefined;
    return this.#request(async () => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the registry's Avro schemas are avsc types
      return (await this.#registry.getSchema(id)) as unknown as avro.Type;
    });
  }

  /**
   * The client cannot list the versions of a subject, so they are read one by one, and again only when the latest
   * has changed. A deleted version leaves a gap.
   */
  async #hasVersion(subject: string, id: number): Promise<boolean> {
    const idOf = (version: number | "latest") =>
      this.#request(() => this.#registry.getRegistryId(subject, version));
    const known = this.#idsOf.get(subject);
    if (known?.has(id)) return true;
    const latest = await idOf("latest");
    if (latest === undefined || known?.has(latest)) return false;
    const ids = new Set([latest]);
    for (let version = 1; version <= versionsMax; version += 1) {
      // oxlint-disable-next-line no-await-in-loop -- the latest one ends the row
      const found = await idOf(version);
      if (found === latest) break;
      if (found !== undefined) ids.add(found);
    }
    this.#idsOf.set(subject, ids);
    return ids.has(id);
  }

  /** Returns the id of our schema, or undefined if the topic's subject does not have it. */
  async idOf(topic: Topic<unknown>): Promise<number | undefined> {
    const subject = subjectOf(this.#prefix, topic);
    return this.#request(() =>
      this.#registry.getRegistryIdBySchema(subject, confluentSchema(topic)),
    );
  }

  /** Registers our schema as a version of the topic's subject, unless it already is one. Returns its id. */
  async register(topic: Topic<unknown>): Promise<number> {
    const subject = subjectOf(this.#prefix, topic);
    const registered = await this.#request(() =>
      // Sets the subject's compatibility level together with its first version, so that no version escapes the check.
      this.#registry.register(confluentSchema(topic), {
        subject,
        compatibility: fullTransitive,
      }),
    );
    if (!registered)
      throw new PermanentFault(
        "CONTRACT_SCHEMA_UNREGISTERED",
        `The registry refuses the schema of ${subject}, because it is incompatible with a registered version. Release a schema that is compatible with all versions.`,
      );
    return registered.id;
  }

  /** Returns undefined if the schema is missing or refused. Throws a fault for an outage and for denied access. */
  async #request<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (cause) {
      if (isMissingOrRefused(cause)) return undefined;
      throw new TransientFault(
        "CONTRACT_REGISTRY_UNAVAILABLE",
        `The schema registry at ${this.#shown} cannot be used: ${reasonOf(cause)}.`,
        { cause },
      );
    }
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the package does not export its enum
const fullTransitive = "FULL_TRANSITIVE" as never;

function confluentSchema(topic: Topic<unknown>): { type: SchemaType.AVRO; schema: string } {
  return { type: SchemaType.AVRO, schema: schemas[topic.record] };
}

function bearing(token: string): Middleware {
  return () => ({
    prepareRequest: async (next) =>
      (await next()).enhance({ headers: { authorization: `Bearer ${token}` } }),
  });
}

/**
 * Returns whether the registry has answered that the schema is missing or refused. 400 does not count,
 * because the registry client reports a refused connection as 400.
 */
function isMissingOrRefused(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name.startsWith("ConfluentSchemaRegistry")) return true;
  const status = statusOf(error);
  return status === 404 || status === 409;
}

function reasonOf(error: unknown): string {
  const status = statusOf(error);
  if (status === 401)
    return "it does not accept the user and password, or the token (401). Correct them";
  if (status === 403)
    return "the account has no right to do this (403). Grant the right to the account";
  return (
    connectionTroubleOf(error) ??
    (status === undefined ? "it does not respond" : `it responds with status ${status}`)
  );
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined;
  return typeof error.status === "number" ? error.status : undefined;
}
