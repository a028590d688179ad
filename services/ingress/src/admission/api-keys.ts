import { createHash, timingSafeEqual } from "node:crypto";
import { Injectable } from "@nestjs/common";
import { type ApiKey, Declarations } from "@sluice/declarations";

interface StoredKey {
  readonly key: ApiKey;
  readonly secret: string;
  readonly digest: Buffer;
}

/** Is compared if the id is unknown, so that the comparison takes as long as for a known id. */
const digestOfNothing = digestOf("");

/** The declared API keys with their secrets, which are read once, at start. No other service reads them. */
@Injectable()
export class ApiKeys {
  readonly #keys: ReadonlyMap<string, StoredKey>;

  constructor(declarations: Declarations) {
    const secrets = declarations.keySecrets();
    this.#keys = new Map(
      declarations.keys().map((key) => {
        const secret = secrets.get(key.id) ?? "";
        return [key.id, { key, secret, digest: digestOf(secret) }];
      }),
    );
  }

  /**
   * Returns the key of `Authorization: Bearer sk-sluice-<key id>-<secret>`; undefined for every other
   * value. A wrong secret, an unknown id and a revoked key take the same time.
   */
  authenticate(authorization: string | undefined): ApiKey | undefined {
    // RFC 9110, section 11.1: the scheme has no case, and one or more spaces follow it.
    const match = /^Bearer +sk-sluice-([^-\s]+)-(\S+)$/i.exec(authorization ?? "");
    const stored = this.#keys.get(match?.[1] ?? "");
    const isRight = timingSafeEqual(digestOf(match?.[2] ?? ""), stored?.digest ?? digestOfNothing);
    return stored && isRight && !stored.key.revoked ? stored.key : undefined;
  }

  /** Returns the secret that checks a signature; undefined if the key is unknown or revoked. */
  secretOf(keyId: string): { readonly key: ApiKey; readonly secret: string } | undefined {
    const stored = this.#keys.get(keyId);
    return stored && !stored.key.revoked ? stored : undefined;
  }
}

function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
