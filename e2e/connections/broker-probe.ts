import { once } from "node:events";
import { readFileSync } from "node:fs";
import tls from "node:tls";

const PRODUCE = 0;
const FETCH = 1;
const HEARTBEAT = 12;
const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;
/** The broker's own codes for a right that is missing. */
const TOPIC_AUTHORIZATION_FAILED = 29;
const GROUP_AUTHORIZATION_FAILED = 30;

/**
 * Asks the broker as one account whether it may, in Kafka's own protocol and not through our client:
 * what is refused here is refused to any program that has the account. The broker looks at rights
 * before it looks at what was sent, so nothing is ever written, fetched or joined.
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
    if (answer.readInt16BE(0) !== 0) throw new Error(`The broker does not know ${account.name}.`);
    return probe;
  }

  /** Produce, version 3, with no records, which comes to nothing where it is permitted. */
  async mayWrite(topic: string): Promise<boolean> {
    const records = bytes(Buffer.alloc(0));
    const partition = Buffer.concat([int32(1), int32(0), records]);
    const body = [int16(-1), int16(-1), int32(5_000), int32(1), text(topic), partition];
    const answer = await this.#ask(PRODUCE, 3, Buffer.concat(body));
    // One topic: its name, then one partition: its number, then the code.
    return answer.readInt16BE(4 + 2 + topic.length + 4 + 4) !== TOPIC_AUTHORIZATION_FAILED;
  }

  /** Fetch, version 4, which waits for nothing. */
  async mayRead(topic: string): Promise<boolean> {
    const partition = Buffer.concat([int32(1), int32(0), int32(0), int32(0), int32(1)]);
    const head = [int32(-1), int32(0), int32(0), int32(1), Buffer.alloc(1)];
    const body = [...head, int32(1), text(topic), partition];
    const answer = await this.#ask(FETCH, 4, Buffer.concat(body));
    // How long we were throttled, then as above.
    return answer.readInt16BE(4 + 4 + 2 + topic.length + 4 + 4) !== TOPIC_AUTHORIZATION_FAILED;
  }

  /** Heartbeat, version 0, of a member that there is not. */
  async mayUseGroup(group: string): Promise<boolean> {
    const body = Buffer.concat([text(group), int32(-1), text("nobody")]);
    const answer = await this.#ask(HEARTBEAT, 0, body);
    return answer.readInt16BE(0) !== GROUP_AUTHORIZATION_FAILED;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** @returns what follows the length and the correlation id */
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
