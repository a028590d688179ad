import { Agent } from "node:https";
import { SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import type avro from "avsc";
import { connectionTroubleOf, PermanentFault, TransientFault } from "@sluice/domain";
import { ownTypes } from "./avro.ts";
import { schemas } from "./generated/schemas.ts";
import { subjectOf, type Topic } from "./topics.ts";

/** Who we are to the registry, and whom we trust there. */
export interface RegistryAccess {
  readonly basic?: { readonly username: string; readonly password: string };
  /** Sent as bearer token. */
  readonly token?: string;
  /** PEM text of the CA that signs its certificate; without it those that Node trusts. */
  readonly ca?: string;
}

type RegistryOptions = ConstructorParameters<typeof SchemaRegistry>[0];
type Middleware = NonNullable<RegistryOptions["middlewares"]>[number];

/** Confluent's registry, as far as we use it, with its failures told apart. */
export class SchemaRegistryClient {
  readonly #registry: SchemaRegistry;
  readonly #prefix: string;
  /** Without user and password, for people to read. */
  readonly #shown: string;

  /**
   * @param prefix the topic prefix; subjects carry it too.
   * @throws Defect `CONTRACT_AVSC_UNSUPPORTED`
   */
  constructor(url: string, prefix = "", { basic, token, ca }: RegistryAccess = {}) {
    this.#prefix = prefix;
    this.#shown = URL.parse(url)?.host ?? "an address that is none";
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

  /** @returns undefined for an id that the registry does not have. */
  async schemaOf(id: number): Promise<avro.Type | undefined> {
    return this.#ask(async () => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the registry's Avro schemas are avsc types
      return (await this.#registry.getSchema(id)) as unknown as avro.Type;
    });
  }

  /** @returns undefined when the topic's subject does not have our schema. */
  async idOf(topic: Topic<unknown>): Promise<number | undefined> {
    const subject = subjectOf(this.#prefix, topic.name);
    return this.#ask(() => this.#registry.getRegistryIdBySchema(subject, confluentSchema(topic)));
  }

  /** Makes our schema a version of the topic's subject; nothing happens where it is one. */
  async register(topic: Topic<unknown>): Promise<number> {
    const subject = subjectOf(this.#prefix, topic.name);
    const registered = await this.#ask(() =>
      // The level is set for the subject once, by whoever owns it; here it must hold from the first version.
      this.#registry.register(confluentSchema(topic), {
        subject,
        compatibility: fullTransitive,
      }),
    );
    if (!registered)
      throw new PermanentFault(
        "CONTRACT_SCHEMA_UNREGISTERED",
        `The registry does not accept the schema of ${subject}: it is incompatible with a version it has.`,
      );
    return registered.id;
  }

  /** undefined for "not there" or "refused"; a fault for an outage, and for a door that is shut. */
  async #ask<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (cause) {
      if (answersNo(cause)) return undefined;
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

/** The client's own errors, 404 and 409 are answers. A refused connection is reported as 400, so that is none. */
function answersNo(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name.startsWith("ConfluentSchemaRegistry")) return true;
  const status = statusOf(error);
  return status === 404 || status === 409;
}

function reasonOf(error: unknown): string {
  const status = statusOf(error);
  if (status === 401) return "it does not accept our user and password, or token (401)";
  if (status === 403) return "our account may not do this there (403): have the right given to it";
  return (
    connectionTroubleOf(error) ??
    (status === undefined ? "it does not answer" : `it answers with ${status}`)
  );
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined;
  return typeof error.status === "number" ? error.status : undefined;
}
