import { nanoUsdOf } from "./usd.ts";

/** What a budget had at one moment. */
export interface BudgetSample {
  readonly id: string;
  readonly scope: string;
  readonly limitNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  readonly reservedNanoUsd: bigint;
}

interface Listed {
  readonly id: string;
  readonly scope: string;
  readonly limit_usd: string;
  readonly spent_usd: string;
  readonly reserved_usd: string;
}

const intervalMs = 50;

/** Reads the budgets of a key again and again, and notes each moment at which one had more than its limit. */
export class BudgetSamples {
  /** One sentence for each sample that exceeded a limit. */
  readonly breaches: string[] = [];
  /** How many times the budgets could be read. */
  count = 0;
  mostUsedPercent = 0n;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #scopes = new Map<string, readonly [string, string]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(http: string, apiKey: string) {
    this.#url = `${http}/v1/budgets`;
    this.#headers = { authorization: `Bearer ${apiKey}` };
  }

  start(): void {
    this.#timer = setInterval(() => {
      // While Redis is unavailable or rebuilt there is nothing to read, and nothing is granted.
      this.take().catch(() => undefined);
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The ids and scopes of all budgets that were read. */
  scopes(): readonly (readonly [string, string])[] {
    return [...this.#scopes.values()];
  }

  /** @throws Error if the budgets cannot be read now */
  async take(): Promise<readonly BudgetSample[]> {
    const response = await fetch(this.#url, { headers: this.#headers });
    if (!response.ok) throw new Error(`The budgets cannot be read: ${response.status}.`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the documented form
    const { data } = (await response.json()) as { readonly data: readonly Listed[] };
    const samples = data.map((listed) => ({
      id: listed.id,
      scope: listed.scope,
      limitNanoUsd: nanoUsdOf(listed.limit_usd),
      spentNanoUsd: nanoUsdOf(listed.spent_usd),
      reservedNanoUsd: nanoUsdOf(listed.reserved_usd),
    }));
    this.count += 1;
    for (const sample of samples) this.#note(sample);
    return samples;
  }

  #note({ id, scope, limitNanoUsd, spentNanoUsd, reservedNanoUsd }: BudgetSample): void {
    this.#scopes.set(`${id} ${scope}`, [id, scope]);
    const used = spentNanoUsd + reservedNanoUsd;
    const percent = (used * 100n) / limitNanoUsd;
    if (percent > this.mostUsedPercent) this.mostUsedPercent = percent;
    if (used > limitNanoUsd || spentNanoUsd < 0n || reservedNanoUsd < 0n)
      this.breaches.push(
        `${id} ${scope} had ${spentNanoUsd} spent and ${reservedNanoUsd} reserved of ${limitNanoUsd}`,
      );
  }
}
