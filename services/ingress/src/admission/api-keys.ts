import { createHash, timingSafeEqual } from "node:crypto";
import type { Attribution } from "@sluice/contracts";
import type { ApiKey, Declarations } from "@sluice/declarations";

interface HeldKey {
  readonly key: ApiKey;
  readonly secret: string;
  readonly digest: Buffer;
}

/** What is compared when there is no such key, so that the answer takes as long. */
const nobody = digestOf("");

/** The API keys with their secrets. Only ingress holds them. */
export class ApiKeys {
  readonly #keys: ReadonlyMap<string, HeldKey>;

  constructor(declarations: Declarations) {
    this.#keys = new Map(
      declarations.keys().map((key) => {
        const secret = declarations.secretOf(key.secretReference);
        return [key.id, { key, secret, digest: digestOf(secret) }];
      }),
    );
  }

  /**
   * The key behind `Authorization: Bearer sk-sluice-<key id>-<secret>`;
   * undefined for everything else. Takes the same time for a wrong secret, an
   * unknown id and a revoked key.
   */
  authenticate(authorization: string | undefined): ApiKey | undefined {
    const match = /^Bearer sk-sluice-([^-\s]+)-(\S+)$/i.exec(authorization ?? "");
    const held = this.#keys.get(match?.[1] ?? "");
    const isRight = timingSafeEqual(digestOf(match?.[2] ?? ""), held?.digest ?? nobody);
    return held && isRight && !held.key.revoked ? held.key : undefined;
  }

  /** For checking a signature; undefined for a key that is unknown or revoked. */
  secretOf(keyId: string): { readonly key: ApiKey; readonly secret: string } | undefined {
    const held = this.#keys.get(keyId);
    return held && !held.key.revoked ? held : undefined;
  }
}

/** Who pays, by the key's record; nothing of it comes from the request. */
export function attributionOf({ id, tenant, team, feature, user }: ApiKey): Attribution {
  return { tenant, team, feature, user, key: id };
}

function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
