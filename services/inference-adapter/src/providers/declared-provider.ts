import type { Candidate, InferenceRequested } from "@sluice/contracts";
import { DeclarationsInvalid } from "@sluice/declarations";
import type { StageLogger } from "@sluice/stage";
import {
  type OnParts,
  Provider,
  type ProviderBody,
  type ProviderCall,
  type ProviderEnd,
} from "./provider.ts";

/** How to call the providers as they are declared now. The fingerprint differs if other clients are needed. */
export interface Built {
  readonly fingerprint: string;
  readonly open: () => Provider;
}

interface Opened {
  readonly fingerprint: string;
  readonly provider: Provider;
  running: number;
}

/**
 * Calls the providers as they are declared now. Calls that run while the declarations change end with the clients that
 * began them. Connections are kept if a new version declares the same providers and models.
 */
export class DeclaredProvider extends Provider {
  readonly #build: () => Built;
  readonly #logger: Pick<StageLogger, "error">;
  readonly #retired = new Set<Opened>();
  #current: Opened;
  #problem: string | undefined;

  /**
   * @param build is asked for every call, so it has to be quick while the version stays the same
   * @throws DeclarationsInvalid if a secret is missing
   */
  constructor(build: () => Built, logger: Pick<StageLogger, "error">) {
    super();
    this.#build = build;
    this.#logger = logger;
    this.#current = opened(build());
  }

  override bodyOf(
    request: InferenceRequested,
    candidate: Candidate,
    stream: boolean,
  ): ProviderBody {
    return this.#adopted().provider.bodyOf(request, candidate, stream);
  }

  override async call(call: ProviderCall, onParts: OnParts): Promise<ProviderEnd> {
    const used = this.#adopted();
    used.running += 1;
    try {
      return await used.provider.call(call, onParts);
    } finally {
      used.running -= 1;
      this.#closeIfIdle(used);
    }
  }

  override close(): void {
    for (const { provider } of [this.#current, ...this.#retired]) provider.close();
    this.#retired.clear();
  }

  #adopted(): Opened {
    const built = this.#buildOrKeep();
    if (built === undefined || built.fingerprint === this.#current.fingerprint)
      return this.#current;
    const before = this.#current;
    this.#current = opened(built);
    this.#retired.add(before);
    this.#closeIfIdle(before);
    return this.#current;
  }

  /** A secret that is missing must not stop calls to the other providers, so the clients before stay in use. */
  #buildOrKeep(): Built | undefined {
    try {
      const built = this.#build();
      this.#problem = undefined;
      return built;
    } catch (error) {
      if (!(error instanceof DeclarationsInvalid)) throw error;
      if (this.#problem !== error.message)
        this.#logger.error(
          { reason: error.message },
          "the changed providers cannot be used: calls are made as declared before",
        );
      this.#problem = error.message;
      return undefined;
    }
  }

  #closeIfIdle(used: Opened): void {
    if (used.running > 0 || !this.#retired.delete(used)) return;
    used.provider.close();
  }
}

function opened({ fingerprint, open }: Built): Opened {
  return { fingerprint, provider: open(), running: 0 };
}
