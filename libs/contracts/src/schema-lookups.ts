import type avro from "avsc";
import { type Clock, TransientFault } from "@sluice/domain";
import type { SchemaRegistryClient } from "./schema-registry.ts";

/** Garbage with a made-up schema id must not turn into a request to the registry each time. */
const unknownForMs = 30_000;
/** Bounds what an attacker's random ids can make us remember. */
const unknownMax = 10_000;
/** Each takes a millisecond or two, in which the messages behind it wait. */
export const lookupsPerSecondMax = 32;
/** An outage costs every lookup its retries: so long nobody is asked again. */
const outageForMs = 1_000;

/**
 * Asks the registry for schemas by ids that strangers may have made up: what that takes from
 * other messages is bounded, however many different ones there are.
 */
export class SchemaLookups {
  readonly #registry: Pick<SchemaRegistryClient, "schemaOf">;
  readonly #clock: Clock;
  readonly #unknownUntil = new Map<number, number>();
  #second = 0;
  #asked = 0;
  #outage: { readonly fault: unknown; readonly until: number } | undefined;

  constructor(registry: Pick<SchemaRegistryClient, "schemaOf">, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /**
   * @returns undefined for an id that the registry does not have
   * @throws TransientFault `CONTRACT_REGISTRY_UNAVAILABLE`, also when too many ids were asked for
   *   within this second
   */
  async schemaOf(id: number): Promise<avro.Type | undefined> {
    const now = this.#clock.now();
    if ((this.#unknownUntil.get(id) ?? 0) > now) return undefined;
    if (this.#outage && this.#outage.until > now) throw this.#outage.fault;
    this.#count(now);
    const writer = await this.#ask(id);
    if (writer) return writer;
    if (this.#unknownUntil.size >= unknownMax) this.#unknownUntil.clear();
    this.#unknownUntil.set(id, now + unknownForMs);
    return undefined;
  }

  #count(now: number): void {
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) this.#asked = 0;
    this.#second = second;
    this.#asked += 1;
    if (this.#asked > lookupsPerSecondMax)
      throw new TransientFault(
        "CONTRACT_REGISTRY_UNAVAILABLE",
        `More than ${lookupsPerSecondMax} unknown schema ids in a second: this one is not asked for now.`,
      );
  }

  async #ask(id: number): Promise<avro.Type | undefined> {
    try {
      return await this.#registry.schemaOf(id);
    } catch (fault) {
      this.#outage = { fault, until: this.#clock.now() + outageForMs };
      throw fault;
    }
  }
}
