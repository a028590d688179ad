import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import type { Account } from "./security.ts";
import type { Frame } from "./wire.ts";

/** The few requests of Kafka's protocol that the launcher sends itself, before any other client can connect. */

const FIND_COORDINATOR = 10;
const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;
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

/** Returns the requests of a login that sends the password itself, and the request after it. */
export function withPlainLogin({ name, password }: Account, request: Buffer): readonly Frame[] {
  return [
    frameOf(SASL_HANDSHAKE, 1, textOf("PLAIN")),
    authenticate(Buffer.from(`\0${name}\0${password}`)),
    request,
  ];
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

/** Returns the client's last message, or undefined if the challenge does not repeat our nonce. */
function proofOf(
  password: string,
  nonce: string,
  first: string,
  challenge: string,
): ScramProof | undefined {
  const [, both = "", salt = "", iterations = "0"] =
    /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(challenge) ?? [];
  if (!both.startsWith(nonce) || Number(iterations) < 1) return undefined;
  const salted = pbkdf2Sync(
    password,
    Buffer.from(salt, "base64"),
    Number(iterations),
    64,
    "sha512",
  );
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

/** Returns whether the answer to {@link setScramAccounts} reports as many accounts, each without an error. */
export function areScramAccountsSet(answer: Buffer, count: number): boolean {
  // 4 bytes of length, 4 of correlation id, the tags, 4 of throttle time, then a compact array.
  let at = 13;
  const results = answer[at] ?? 0;
  if (results !== count + 1 || results > 127) return false;
  at += 1;
  for (let index = 0; index < count; index += 1) {
    at += answer[at] ?? 1;
    if (at + 4 > answer.length || answer.readInt16BE(at) !== 0) return false;
    // The error code, a null message, and the tags.
    at += 4;
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

function shortOf(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

/** Returns whether all bytes of an answer have arrived. */
export function isWholeAnswer(answer: Buffer): boolean {
  return answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0);
}
