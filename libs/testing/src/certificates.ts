import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/** A certificate and its key, both as PEM text. */
export interface KeyPair {
  readonly cert: string;
  /** In PKCS #8. */
  readonly key: string;
}

const dayMs = 24 * 60 * 60 * 1_000;

/**
 * A certificate authority for one test. It uses Node only, so no openssl is needed and no key is in
 * the repository. Keys are ECDSA over P-256. Each certificate is valid from yesterday until tomorrow.
 */
export class CertificateAuthority {
  /** Its self-signed certificate. */
  readonly cert: string;
  readonly #name: string;
  readonly #key: KeyObject;

  constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#name = name;
    this.#key = privateKey;
    // The key may sign certificates and revocation lists only.
    const extensions = [
      extension("2.5.29.19", sequence(boolean(true)), true),
      extension("2.5.29.15", Buffer.from([0x03, 0x02, 0x01, 0x06]), true),
    ];
    this.cert = this.#signed(name, publicKey, extensions);
  }

  /** Issues a certificate. @param names its host names and addresses; the first is also its subject */
  issue(...names: readonly [string, ...string[]]): KeyPair {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const extensions = [extension("2.5.29.17", sequence(...names.map(alternativeName)))];
    return {
      cert: this.#signed(names[0], publicKey, extensions),
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  #signed(subject: string, publicKey: KeyObject, extensions: readonly Buffer[]): string {
    const now = Date.now();
    const toBeSigned = sequence(
      explicit(0, integer(Buffer.from([2]))),
      // A random, positive serial number.
      integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
      ecdsaWithSha256,
      nameOf(this.#name),
      sequence(utcTime(now - dayMs), utcTime(now + dayMs)),
      nameOf(subject),
      publicKey.export({ type: "spki", format: "der" }),
      explicit(3, sequence(...extensions)),
    );
    const signature = sign("sha256", toBeSigned, this.#key);
    const der = sequence(toBeSigned, ecdsaWithSha256, bitString(signature));
    const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
    return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  }
}

/** Encodes a value in ASN.1's distinguished encoding (X.690): tag, length, content. */
function encoded(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...members: readonly Buffer[]): Buffer {
  return encoded(0x30, Buffer.concat(members));
}

function explicit(tag: number, content: Buffer): Buffer {
  return encoded(0xa0 + tag, content);
}

function integer(bytes: Buffer): Buffer {
  return encoded(0x02, bytes);
}

function boolean(value: boolean): Buffer {
  return encoded(0x01, Buffer.from([value ? 0xff : 0x00]));
}

function bitString(bytes: Buffer): Buffer {
  return encoded(0x03, Buffer.concat([Buffer.from([0]), bytes]));
}

/** Encodes a time as `YYMMDDhhmmssZ`. */
function utcTime(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return encoded(0x17, Buffer.from(digits.slice(2)));
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  return encoded(0x06, Buffer.from([first * 40 + second, ...others.flatMap(base128)]));
}

function base128(value: number): readonly number[] {
  const digits = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

const ecdsaWithSha256 = sequence(objectId("1.2.840.10045.4.3.2"));

function nameOf(commonName: string): Buffer {
  const attribute = sequence(objectId("2.5.4.3"), encoded(0x0c, Buffer.from(commonName)));
  return sequence(encoded(0x31, attribute));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  const octets = encoded(0x04, value);
  return sequence(objectId(id), ...(critical ? [boolean(true)] : []), octets);
}

function alternativeName(name: string): Buffer {
  return isIP(name) === 4
    ? encoded(0x87, Buffer.from(name.split(".").map(Number)))
    : encoded(0x82, Buffer.from(name));
}
