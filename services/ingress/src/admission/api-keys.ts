import { createHash, timingSafeEqual } from "node:crypto";
import { Inject, Injectable } from "@nestjs/common";
import { type ApiKey, Declarations, DeclarationsInvalid, perVersion } from "@sluice/declarations";
import type { StageLogger } from "@sluice/stage";
import { LOGGER } from "@sluice/telemetry";

interface StoredKey {
  readonly key: ApiKey;
  readonly secret: string;
  readonly digest: Buffer;
}

/** Is compared if the id is unknown, so that the comparison takes as long as for a known id. */
const digestOfNothing = digestOf("");

/**
 * The declared API keys with their secrets. No other service reads them. A key that is declared while ingress runs, and
 * whose secret is missing, is refused until the next version; the other keys stay usable.
 */
@Injectable()
export class ApiKeys {
  readonly #keys: () => ReadonlyMap<string, StoredKey>;

  /** @throws DeclarationsInvalid that names every key whose secret is missing or too short */
  constructor(
    declarations: Declarations,
    @Inject(LOGGER) private readonly logger: Pick<StageLogger, "error">,
  ) {
    declarations.keySecrets();
    this.#keys = perVersion(
      declarations,
      () =>
        new Map(
          declarations.keys().flatMap((key) => {
            const secret = this.#secretOf(key, declarations);
            return secret === undefined
              ? []
              : [[key.id, { key, secret, digest: digestOf(secret) }] as const];
          }),
        ),
    );
  }

  /**
   * Returns the key of `Authorization: Bearer sk-sluice-<key id>-<secret>`; undefined for every other
   * value. A wrong secret, an unknown id and a revoked key take the same time.
   */
  authenticate(authorization: string | undefined): ApiKey | undefined {
    // RFC 9110, section 11.1: the scheme has no case, and one or more spaces follow it.
    const match = /^Bearer +sk-sluice-([^-\s]+)-(\S+)$/i.exec(authorization ?? "");
    const stored = this.#keys().get(match?.[1] ?? "");
    const isRight = timingSafeEqual(digestOf(match?.[2] ?? ""), stored?.digest ?? digestOfNothing);
    return stored && isRight && !stored.key.revoked ? stored.key : undefined;
  }

  /** Returns the secret that checks a signature; undefined if the key is unknown or revoked. */
  secretOf(keyId: string): { readonly key: ApiKey; readonly secret: string } | undefined {
    const stored = this.#keys().get(keyId);
    return stored && !stored.key.revoked ? stored : undefined;
  }

  #secretOf(key: ApiKey, declarations: Declarations): string | undefined {
    try {
      return declarations.secretOfKey(key);
    } catch (error) {
      if (!(error instanceof DeclarationsInvalid)) throw error;
      this.logger.error({ key: key.id, reason: error.message }, "a declared key cannot be used");
      return undefined;
    }
  }
}

function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
