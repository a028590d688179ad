import type avro from "avsc";
import { Defect, PermanentFault } from "@sluice/domain";
import { compile } from "./avro.ts";
import { assertBounded } from "./bounded-schema.ts";
import { withItemsLimited } from "./counted-types.ts";
import { schemas } from "./generated/schemas.ts";
import type { RecordName } from "./topics.ts";

/** Bytes before the Avro body: a zero, and the writer's schema id (4 bytes, big-endian). */
const headerBytes = 5;

/**
 * Encodes and decodes one type of record. It compiles a resolver once for each writer's schema and
 * keeps it, because compiling one for each message, as the registry client does, takes half a
 * millisecond each time.
 */
export class RecordCodec {
  readonly #type: avro.Type;
  readonly #resolvers = new Map<number, avro.Resolver>();
  /** Schemas in the registry that this record cannot be read by. They are looked up only once. */
  readonly #refused = new Map<number, PermanentFault>();

  constructor(record: RecordName) {
    this.#type = typeOf(record);
  }

  encode(schemaId: number, record: unknown): Buffer {
    try {
      const body = this.#type.toBuffer(record);
      const message = Buffer.allocUnsafe(headerBytes + body.length);
      message.writeUInt8(0, 0);
      message.writeUInt32BE(schemaId, 1);
      body.copy(message, headerBytes);
      return message;
    } catch {
      // The library's own error quotes the value, which may be a part of a prompt or an answer.
      throw new Defect(
        "CONTRACT_UNENCODABLE",
        `The record does not have the type of its schema${this.#misfitOf(record)}.`,
      );
    }
  }

  /** Returns where a record does not have the type of its schema, without the value. */
  #misfitOf(record: unknown): string {
    let misfit = "";
    this.#type.isValid(record, {
      errorHook: (path, _value, type) => {
        misfit ||= `: ${path.join(".")} must have the type ${type.typeName}`;
      },
    });
    return misfit;
  }

  knows(schemaId: number): boolean {
    return this.#resolvers.has(schemaId) || this.#refused.has(schemaId);
  }

  /**
   * Prepares decoding by a writer's schema. Names are compared without their namespace, as Avro's
   * rules for schema resolution say: a producer may keep its records in a namespace of its own, and
   * the registry calls such a schema compatible.
   */
  learn(schemaId: number, writer: avro.Type): void {
    try {
      assertBounded(writer);
      const resolver = this.#type.createResolver(writer, { ignoreNamespaces: true });
      this.#resolvers.set(schemaId, resolver);
    } catch (cause) {
      const reason =
        cause instanceof RangeError
          ? `The schema of the message cannot be used: ${cause.message}`
          : "The message was written with the schema of another record.";
      this.#refused.set(schemaId, undecodable(reason, cause));
    }
  }

  /**
   * Decodes a message. The writer's schema must have been passed to {@link learn} before.
   *
   * @throws PermanentFault `CONTRACT_UNDECODABLE`, also if our schema cannot read the writer's
   */
  decode(schemaId: number, message: Buffer): unknown {
    const refused = this.#refused.get(schemaId);
    if (refused) throw refused;
    try {
      const body = message.subarray(headerBytes);
      return withItemsLimited(() => this.#type.fromBuffer(body, this.#resolvers.get(schemaId)));
    } catch (cause) {
      throw undecodable("The Avro body does not follow its schema.", cause);
    }
  }
}

/** Returns the type of a record in our own schema. */
export function typeOf(record: RecordName): avro.Type {
  return compile(JSON.parse(schemas[record]));
}

/**
 * Returns the id of the writer's schema.
 *
 * @throws PermanentFault `CONTRACT_UNDECODABLE` for bytes that are not in Confluent's wire format
 */
export function schemaIdOf(message: Buffer): number {
  if (message.length < headerBytes || message[0] !== 0)
    throw undecodable(
      "The message is not in Confluent's wire format: a zero byte and a schema id of 4 bytes must come first.",
    );
  return message.readUInt32BE(1);
}

function undecodable(message: string, cause?: unknown): PermanentFault {
  return new PermanentFault("CONTRACT_UNDECODABLE", message, { cause });
}
