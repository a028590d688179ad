import { once } from "node:events";
import { readFileSync } from "node:fs";
import tls from "node:tls";

const PRODUCE = 0;
const FETCH = 1;
const HEARTBEAT = 12;
const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;
/** Kafka's error codes for a missing right. */
const TOPIC_AUTHORIZATION_FAILED = 29;
const GROUP_AUTHORIZATION_FAILED = 30;

/**
 * Checks the rights of one account on a broker. It uses Kafka's protocol directly and not our client,
 * so that the result holds for any program with this account. The broker checks rights before it
 * handles a request, so the probes write, fetch and join nothing.
 */
export class BrokerProbe {
  readonly #socket: tls.TLSSocket;

  private constructor(socket: tls.TLSSocket) {
    this.#socket = socket;
  }

  static async open(
    broker: string,
    caFile: string,
    account: { readonly name: string; readonly password: string },
  ): Promise<BrokerProbe> {
    const [host = "", port = ""] = broker.split(":");
    const socket = tls.connect({ host, port: Number(port), ca: readFileSync(caFile) });
    await once(socket, "secureConnect");
    const probe = new BrokerProbe(socket);
    await probe.#ask(SASL_HANDSHAKE, 1, text("PLAIN"));
    const token = bytes(Buffer.from(`\0${account.name}\0${account.password}`));
    const answer = await probe.#ask(SASL_AUTHENTICATE, 0, token);
    if (answer.readInt16BE(0) !== 0)
      throw new Error(`The broker rejected account ${account.name}.`);
    return probe;
  }

  /** Sends Produce (version 3) without records, which writes nothing if it is permitted. */
  async mayWrite(topic: string): Promise<boolean> {
    const records = bytes(Buffer.alloc(0));
    const partition = Buffer.concat([int32(1), int32(0), records]);
    const body = [int16(-1), int16(-1), int32(5_000), int32(1), text(topic), partition];
    const answer = await this.#ask(PRODUCE, 3, Buffer.concat(body));
    // The response has one topic with its name, then one partition with its number and the code.
    return answer.readInt16BE(4 + 2 + topic.length + 4 + 4) !== TOPIC_AUTHORIZATION_FAILED;
  }

  /** Sends Fetch (version 4) without waiting for messages. */
  async mayRead(topic: string): Promise<boolean> {
    const partition = Buffer.concat([int32(1), int32(0), int32(0), int32(0), int32(1)]);
    const head = [int32(-1), int32(0), int32(0), int32(1), Buffer.alloc(1)];
    const body = [...head, int32(1), text(topic), partition];
    const answer = await this.#ask(FETCH, 4, Buffer.concat(body));
    // The response begins with the throttle time, and continues as above.
    return answer.readInt16BE(4 + 4 + 2 + topic.length + 4 + 4) !== TOPIC_AUTHORIZATION_FAILED;
  }

  /** Sends Heartbeat (version 0) for a member that does not exist. */
  async mayUseGroup(group: string): Promise<boolean> {
    const body = Buffer.concat([text(group), int32(-1), text("nobody")]);
    const answer = await this.#ask(HEARTBEAT, 0, body);
    return answer.readInt16BE(0) !== GROUP_AUTHORIZATION_FAILED;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends a request, and returns the response after its length and correlation id. */
  async #ask(apiKey: number, version: number, body: Buffer): Promise<Buffer> {
    const header = Buffer.concat([int16(apiKey), int16(version), int32(0), text("")]);
    this.#socket.write(Buffer.concat([bytes(Buffer.concat([header, body]))]));
    let received = Buffer.alloc(0);
    while (received.length < 4 || received.length < 4 + received.readInt32BE(0)) {
      const signal = AbortSignal.timeout(10_000);
      const chunks: readonly Buffer[] = await once(this.#socket, "data", { signal });
      received = Buffer.concat([received, ...chunks]);
    }
    return received.subarray(8);
  }
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function text(value: string): Buffer {
  return Buffer.concat([int16(value.length), Buffer.from(value)]);
}

function bytes(value: Buffer): Buffer {
  return Buffer.concat([int32(value.length), value]);
}
