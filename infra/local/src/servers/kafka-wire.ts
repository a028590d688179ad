import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import type { Account } from "./security.ts";
import { fieldsIn } from "./kafka-fields.ts";
import type { Frame } from "./wire.ts";

/** The few requests of Kafka's protocol that the launcher sends itself, before any other client can connect. */

const FIND_COORDINATOR = 10;
const SASL_HANDSHAKE = 17;
const ALTER_CONFIGS = 33;
const SASL_AUTHENTICATE = 36;
const DESCRIBE_USER_SCRAM_CREDENTIALS = 50;
const ALTER_USER_SCRAM_CREDENTIALS = 51;

/** The mechanisms of SCRAM with their number in Kafka's protocol, and the hash of each. */
const mechanisms = {
  "SCRAM-SHA-256": { number: 1, hash: "sha256", bytes: 32 },
  "SCRAM-SHA-512": { number: 2, hash: "sha512", bytes: 64 },
} as const;
export type ScramMechanism = keyof typeof mechanisms;

/** The iterations of a password's hash. The passwords are random, so more iterations would protect nothing. */
const ITERATIONS = 4096;
const SALT_BYTES = 24;

/** Returns the request for the coordinator of a consumer group. */
export function findCoordinator(): Buffer {
  return frameOf(FIND_COORDINATOR, 0, textOf("warm-up"));
}

/**
 * Returns the requests of a login that sends the password itself, and the request after it. A listener that is open
 * refuses the handshake, and receives neither.
 */
export function withPlainLogin({ name, password }: Account, request: Buffer): readonly Frame[] {
  return [
    frameOf(SASL_HANDSHAKE, 1, textOf("PLAIN")),
    (answer) =>
      isWithoutError(answer) ? authenticate(Buffer.from(`\0${name}\0${password}`)) : undefined,
    (answer) => (isWithoutError(answer) ? request : undefined),
  ];
}

/** Returns whether an answer, whose error code follows 4 bytes of length and 4 of correlation id, reports none. */
function isWithoutError(answer: Buffer): boolean {
  return answer.length >= 10 && answer.readInt16BE(8) === 0;
}

/**
 * Returns the requests of a login with SCRAM-SHA-512 (RFC 5802), and the request after it. A process that has taken the
 * broker's port learns no password, and receives no request if it does not know the password either.
 */
export function withScramLogin({ name, password }: Account, request: Buffer): readonly Frame[] {
  const nonce = randomBytes(18).toString("base64url");
  const first = `n=${name},r=${nonce}`;
  let serverSignature: Buffer | undefined;
  return [
    frameOf(SASL_HANDSHAKE, 1, textOf("SCRAM-SHA-512")),
    authenticate(Buffer.from(`n,,${first}`)),
    (answer) => {
      const challenge = saslTokenIn(answer);
      const proof =
        challenge === undefined ? undefined : proofOf(password, nonce, first, challenge);
      serverSignature = proof?.serverSignature;
      return proof && authenticate(Buffer.from(proof.message));
    },
    (answer) => {
      const given = Buffer.from(/^v=(.+)$/.exec(saslTokenIn(answer) ?? "")?.[1] ?? "", "base64");
      return serverSignature?.length === given.length && timingSafeEqual(serverSignature, given)
        ? request
        : undefined;
    },
  ];
}

interface ScramProof {
  readonly message: string;
  readonly serverSignature: Buffer;
}

/**
 * Returns the client's last message, or undefined if the challenge does not repeat our nonce, or has another number of
 * iterations than the launcher's passwords. A process that has taken the broker's port could otherwise have us compute
 * hashes for hours.
 */
function proofOf(
  password: string,
  nonce: string,
  first: string,
  challenge: string,
): ScramProof | undefined {
  const [, both = "", salt = "", iterations = "0"] =
    /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(challenge) ?? [];
  if (!both.startsWith(nonce) || iterations !== String(ITERATIONS)) return undefined;
  const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), ITERATIONS, 64, "sha512");
  const clientKey = hmac(salted, "Client Key");
  const storedKey = createHash("sha512").update(clientKey).digest();
  const withoutProof = `c=biws,r=${both}`;
  const signed = `${first},${challenge},${withoutProof}`;
  const signature = hmac(storedKey, signed);
  const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
  return {
    message: `${withoutProof},p=${Buffer.from(proof).toString("base64")}`,
    serverSignature: hmac(hmac(salted, "Server Key"), signed),
  };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha512", key).update(text).digest();
}

/** Returns the request that creates accounts, or gives existing ones a new password. It contains hashes only. */
export function setScramAccounts(accounts: readonly Account[], mechanism: ScramMechanism): Buffer {
  const { number, hash, bytes } = mechanisms[mechanism];
  const iterations = Buffer.alloc(4);
  iterations.writeInt32BE(ITERATIONS);
  const upsertions = accounts.flatMap(({ name, password }) => {
    const salt = randomBytes(SALT_BYTES);
    const salted = pbkdf2Sync(password, salt, ITERATIONS, bytes, hash);
    const mechanismNumber = Buffer.from([number]);
    const names = [compact(Buffer.from(name)), mechanismNumber];
    return [...names, iterations, compact(salt), compact(salted), noTags];
  });
  const body = [noTags, varint(1), varint(accounts.length + 1), ...upsertions, noTags];
  return frameOf(ALTER_USER_SCRAM_CREDENTIALS, 0, Buffer.concat(body));
}

/** Returns the request that deletes the passwords of these accounts. @param mechanism its number in Kafka's protocol */
export function deleteScramAccounts(names: readonly string[], mechanism: number): Buffer {
  const deletions = names.flatMap((name) => [
    compact(Buffer.from(name)),
    Buffer.from([mechanism]),
    noTags,
  ]);
  const body = [noTags, varint(names.length + 1), ...deletions, varint(1), noTags];
  return frameOf(ALTER_USER_SCRAM_CREDENTIALS, 0, Buffer.concat(body));
}

/**
 * Returns whether the answer to {@link setScramAccounts} or {@link deleteScramAccounts} reports as many accounts, each
 * without an error.
 */
export function areScramAccountsSet(answer: Buffer, count: number): boolean {
  return (
    fieldsIn(answer, (fields) => {
      // The time by which the server throttles us.
      fields.skip(4);
      const errors = fields.array(() => {
        fields.text();
        const error = fields.int16();
        fields.text();
        fields.skipTags();
        return error;
      });
      return errors.length === count && errors.every((error) => error === 0);
    }) ?? false
  );
}

/** Returns the request for the names and mechanisms of all accounts that have a password. */
export function describeScramAccounts(): Buffer {
  return frameOf(DESCRIBE_USER_SCRAM_CREDENTIALS, 0, Buffer.concat([noTags, varint(0), noTags]));
}

/** A password that Kafka stores. */
export interface StoredScram {
  readonly name: string;
  /** The mechanism's number in Kafka's protocol. */
  readonly mechanism: number;
}

/** Returns what an answer to {@link describeScramAccounts} lists, or undefined if it reports an error. */
export function scramAccountsIn(answer: Buffer): readonly StoredScram[] | undefined {
  return fieldsIn(answer, (fields) => {
    fields.skip(4);
    const error = fields.int16();
    fields.text();
    const accounts = fields.array(() => {
      const name = fields.text();
      const accountError = fields.int16();
      fields.text();
      const stored = fields.array(() => {
        const mechanism = fields.int8();
        fields.skip(4);
        fields.skipTags();
        return { name, mechanism };
      });
      fields.skipTags();
      return { accountError, stored };
    });
    const isComplete = error === 0 && accounts.every(({ accountError }) => accountError === 0);
    return isComplete ? accounts.flatMap(({ stored }) => stored) : undefined;
  });
}

/** Returns the mechanism's number in Kafka's protocol. */
export function numberOf(mechanism: ScramMechanism): number {
  return mechanisms[mechanism].number;
}

const BROKER_RESOURCE = 4;

/** The settings of nodes in Kafka's storage, by the node. The empty name addresses all nodes. */
export type NodeSettings = ReadonlyMap<string, Readonly<Record<string, string>>>;

/**
 * Returns the request that replaces the settings in Kafka's storage of these nodes, which take precedence over those of
 * the settings file.
 */
export function replaceNodeSettings(nodes: NodeSettings): Buffer {
  const resources = [...nodes].flatMap(([node, settings]) => {
    const pairs = Object.entries(settings);
    const written = pairs.flatMap((pair) => pair.map(textOf));
    return [Buffer.from([BROKER_RESOURCE]), textOf(node), countOf(pairs.length), ...written];
  });
  const isOnlyValidated = Buffer.from([0]);
  const body = [countOf(nodes.size), ...resources, isOnlyValidated];
  return frameOf(ALTER_CONFIGS, 1, Buffer.concat(body));
}

/** Returns whether an answer to {@link replaceNodeSettings} reports as many nodes, each without an error. */
export function areSettingsReplaced(answer: Buffer, count: number): boolean {
  // 4 bytes of length, 4 of correlation id, 4 of throttle time, then an array.
  if (answer.length < 16 || answer.readInt32BE(12) !== count) return false;
  let at = 16;
  for (let index = 0; index < count; index += 1) {
    // The error code, a message that is null without an error, the kind of the resource, and its name.
    if (at + 7 > answer.length || answer.readInt16BE(at) !== 0) return false;
    if (answer.readInt16BE(at + 2) !== -1) return false;
    at += 7 + answer.readInt16BE(at + 5);
  }
  return true;
}

function authenticate(token: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(token.length);
  return frameOf(SASL_AUTHENTICATE, 0, Buffer.concat([length, token]));
}

/** Returns the text in an answer to a request to authenticate, or undefined if it reports an error. */
function saslTokenIn(answer: Buffer): string | undefined {
  if (answer.length < 16 || answer.readInt16BE(8) !== 0) return undefined;
  const messageLength = Math.max(0, answer.readInt16BE(10));
  return answer.subarray(16 + messageLength).toString();
}

function frameOf(apiKey: number, version: number, body: Buffer): Buffer {
  const header = Buffer.concat([
    shortOf(apiKey),
    shortOf(version),
    Buffer.alloc(4), // correlation id
    shortOf(0), // an empty client id
  ]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(header.length + body.length);
  return Buffer.concat([length, header, body]);
}

const noTags = Buffer.from([0]);

/** Returns a length as Kafka's newer requests write it. @param value at most 16,383 */
function varint(value: number): Buffer {
  return Buffer.from(value < 128 ? [value] : [(value & 0x7f) | 0x80, value >> 7]);
}

function compact(bytes: Buffer): Buffer {
  return Buffer.concat([varint(bytes.length + 1), bytes]);
}

function textOf(text: string): Buffer {
  return Buffer.concat([shortOf(text.length), Buffer.from(text)]);
}

function countOf(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function shortOf(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

/** Returns whether all bytes of an answer have arrived. */
export function isWholeAnswer(answer: Buffer): boolean {
  return answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0);
}
