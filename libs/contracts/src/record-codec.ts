import type avro from "avsc";
import { Defect, PermanentFault } from "@sluice/domain";
import { compile } from "./avro.ts";
import { schemas } from "./generated/schemas.ts";
import type { RecordName } from "./topics.ts";

/** Bytes before the Avro body: a zero, and the writer's schema id (4 bytes, big-endian). */
const headerBytes = 5;

/**
 * One record type. Resolvers are compiled once for each writer's schema and
 * kept: compiling them per message, as the registry client does, costs half a
 * millisecond each.
 */
export class RecordCodec {
  readonly #type: avro.Type;
  readonly #resolvers = new Map<number, avro.Resolver>();

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
    } catch (cause) {
      throw new Defect("CONTRACT_UNENCODABLE", "A record is not of its schema's type.", { cause });
    }
  }

  knows(schemaId: number): boolean {
    return this.#resolvers.has(schemaId);
  }

  /** @throws PermanentFault `CONTRACT_UNDECODABLE` for a writer that our schema cannot read. */
  learn(schemaId: number, writer: avro.Type): void {
    try {
      this.#resolvers.set(schemaId, this.#type.createResolver(writer));
    } catch (cause) {
      throw undecodable("It was written with another record's schema.", cause);
    }
  }

  /** The writer's schema must have been learned. */
  decode(schemaId: number, message: Buffer): unknown {
    try {
      return this.#type.fromBuffer(message.subarray(headerBytes), this.#resolvers.get(schemaId));
    } catch (cause) {
      throw undecodable("The Avro body does not follow its schema.", cause);
    }
  }
}

/** The record's type as our own schema says it. */
export function typeOf(record: RecordName): avro.Type {
  return compile(JSON.parse(schemas[record]));
}

/** @throws PermanentFault `CONTRACT_UNDECODABLE` for bytes that are not in Confluent's wire format. */
export function schemaIdOf(message: Buffer): number {
  if (message.length < headerBytes || message[0] !== 0)
    throw undecodable("Not in Confluent's wire format.");
  return message.readUInt32BE(1);
}

function undecodable(message: string, cause?: unknown): PermanentFault {
  return new PermanentFault("CONTRACT_UNDECODABLE", message, { cause });
}
