import type avro from "avsc";
import { type Clock, TransientFault } from "@sluice/domain";
import type { SchemaRegistryClient } from "./schema-registry.ts";
import type { Topic } from "./topics.ts";

/** An id that the topic's subject does not have is not looked up again for this long, because any producer can send such ids. */
const unknownForMs = 30_000;
/** Bounds the memory that random ids can use. */
const unknownMax = 10_000;
/** A lookup takes one to two milliseconds, and the messages behind it wait for that time. */
export const lookupsPerSecondMax = 32;
/**
 * During an outage, each lookup uses all its retries. After a failure, we therefore do not query the
 * registry for this long.
 */
const outageForMs = 1_000;

/**
 * Looks up schemas in the registry by the ids of messages. Any producer can make ids up, so the time
 * that lookups take from other messages is bounded, however many different ids there are.
 */
export class SchemaLookups {
  readonly #registry: Pick<SchemaRegistryClient, "schemaOf">;
  readonly #clock: Clock;
  readonly #unknownUntil = new Map<string, number>();
  /** The lookups that run. Many messages with a new id may arrive at once, and one lookup answers them all. */
  readonly #running = new Map<string, Promise<avro.Type | undefined>>();
  #second = 0;
  #lookups = 0;
  #outage: { readonly fault: unknown; readonly until: number } | undefined;

  constructor(registry: Pick<SchemaRegistryClient, "schemaOf">, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /**
   * Returns the schema, or undefined for an id that is not a version of the topic's subject.
   *
   * @throws TransientFault `CONTRACT_REGISTRY_UNAVAILABLE`, also after too many lookups in this second
   */
  async schemaOf(topic: Topic<unknown>, id: number): Promise<avro.Type | undefined> {
    const key = `${topic.name} ${id}`;
    const running = this.#running.get(key);
    if (running) return running;
    const lookup = this.#lookUp(topic, id, key).finally(() => this.#running.delete(key));
    this.#running.set(key, lookup);
    return lookup;
  }

  async #lookUp(topic: Topic<unknown>, id: number, key: string): Promise<avro.Type | undefined> {
    const now = this.#clock.now();
    if ((this.#unknownUntil.get(key) ?? 0) > now) return undefined;
    if (this.#outage && this.#outage.until > now) throw this.#outage.fault;
    this.#count(now, id);
    const writer = await this.#request(topic, id);
    if (writer) return writer;
    if (this.#unknownUntil.size >= unknownMax) this.#unknownUntil.clear();
    this.#unknownUntil.set(key, now + unknownForMs);
    return undefined;
  }

  #count(now: number, id: number): void {
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) this.#lookups = 0;
    this.#second = second;
    this.#lookups += 1;
    if (this.#lookups > lookupsPerSecondMax)
      throw new TransientFault(
        "CONTRACT_REGISTRY_UNAVAILABLE",
        `The messages of this second have more than ${lookupsPerSecondMax} unknown schema ids, so schema ${id} is looked up later.`,
      );
  }

  async #request(topic: Topic<unknown>, id: number): Promise<avro.Type | undefined> {
    try {
      return await this.#registry.schemaOf(topic, id);
    } catch (fault) {
      this.#outage = { fault, until: this.#clock.now() + outageForMs };
      throw fault;
    }
  }
}
