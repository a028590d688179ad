import { randomUUID } from "node:crypto";
import { type Window } from "@sluice/domain";
import {
  listOf,
  numberOf,
  type Redis,
  type RedisScript,
  runScript,
  type ScriptReply,
  tenantTagOf,
  textOf,
} from "@sluice/redis";
import type {
  Allowance,
  Allowances,
  BoundedCandidate,
  BudgetRebuild,
  Budgets,
  BudgetSnapshot,
  BudgetState,
  Reservation,
  ReservationRequest,
  Settlement,
  Settlements,
} from "../budgets.ts";
import { rebuilding } from "../faults.ts";
import { settlementRounds } from "./settlement-rounds.ts";
import { expiredAtOnceMax, expiryGraceMs } from "../limits.ts";
import { mergedOptions } from "../merged-options.ts";
import { windowIdOf } from "../window-id.ts";
import {
  amountArguments,
  amountOf,
  expiryOf,
  optionArguments,
  windowArguments,
} from "./script-arguments.ts";
import {
  beginRebuildScript,
  endRebuildScript,
  expireScript,
  readScript,
  reserveScript,
  restoreOpenScript,
  restoreSpentScript,
  settleScript,
  stateScript,
} from "./scripts.ts";

type Call = { readonly tenant: string; readonly args: readonly (string | number)[] };

/** As many windows are restored in one call, so that a call does not occupy Redis for long. */
const restoredAtOnceMax = 200;

/** The budgets of all tenants on one Redis, which is a projection of the ledger. */
export class RedisBudgets implements Budgets, Settlements, BudgetRebuild, Allowances {
  readonly #redis: Redis;
  readonly #prefix: string;

  /**
   * @param redis a server without eviction, because a lost counter would grant what is spent already
   * @param prefix the topic prefix, which separates installations on one server
   */
  constructor(redis: Redis, prefix = "") {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async reserve<C extends BoundedCandidate>(
    requests: readonly ReservationRequest<C>[],
  ): Promise<readonly Reservation<C>[]> {
    const now = Date.now();
    const merged = requests.map(({ options }) => mergedOptions(options));
    const replies = await this.#run(
      reserveScript,
      requests.map(({ tenant, attemptId, deadlineAt }, index) => ({
        tenant,
        args: [
          attemptId,
          deadlineAt + expiryGraceMs,
          ...windowArguments(tenant, merged[index]!.windows, now),
          ...optionArguments(merged[index]!.options),
        ],
      })),
    );
    return requests.map((request, index) =>
      reservationOf(request, merged[index]!.windows, listOf(replies[index])),
    );
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    const now = Date.now();
    for (const parts of settlementRounds(settlements)) {
      const replies = await this.#run(
        settleScript,
        parts.map((part) => settleCall(part, now)),
      );
      for (const reply of replies) if (textOf(reply) === "rebuilding") throw rebuilding();
    }
  }

  async expire(tenant: string): Promise<number> {
    const [reply] = await this.#run(expireScript, [{ tenant, args: [expiredAtOnceMax] }]);
    if (typeof reply === "number") return reply;
    throw rebuilding();
  }

  async read(tenant: string, windows: readonly Window[]): Promise<readonly Allowance[]> {
    const ids = windows.map((window) => windowIdOf(tenant, window));
    const [reply] = await this.#run(readScript, [{ tenant, args: ids }]);
    if (!Array.isArray(reply)) throw rebuilding();
    return windows.map((window, index) => {
      const [spentUsd, spentNano, reservedUsd, reservedNano] = listOf(listOf(reply)[index]);
      return {
        limitNanoUsd: window.limitNanoUsd,
        spentNanoUsd: amountOf(textOf(spentUsd), numberOf(spentNano)),
        reservedNanoUsd: amountOf(textOf(reservedUsd), numberOf(reservedNano)),
      };
    });
  }

  async states(tenants: readonly string[]): Promise<readonly BudgetState[]> {
    const replies = await this.#run(
      stateScript,
      tenants.map((tenant) => ({ tenant, args: [] })),
    );
    return replies.map((reply) => {
      const [state, sinceMs] = listOf(reply);
      const kind = textOf(state);
      if (kind === "ready") return { kind };
      return kind === "rebuilding" ? { kind, sinceMs: numberOf(sinceMs) } : { kind: "lost" };
    });
  }

  async begin(tenant: string): Promise<string> {
    const token = randomUUID();
    await this.#run(beginRebuildScript, [{ tenant, args: [token] }]);
    return token;
  }

  async lastEpoch(tenant: string): Promise<number> {
    const [reply] = await this.#run(stateScript, [{ tenant, args: [] }]);
    return numberOf(listOf(reply)[2]);
  }

  async restore(token: string, snapshot: BudgetSnapshot): Promise<boolean> {
    const { tenant, epoch, spent, open, settled } = snapshot;
    const now = Date.now();
    const chunks = Array.from({ length: Math.ceil(spent.length / restoredAtOnceMax) }, (_, index) =>
      spent.slice(index * restoredAtOnceMax, (index + 1) * restoredAtOnceMax),
    );
    const spentReplies = await this.#run(
      restoreSpentScript,
      chunks.map((chunk) => ({
        tenant,
        args: [
          token,
          epoch,
          ...chunk.flatMap(({ window, spentNanoUsd }) => [
            windowIdOf(tenant, window),
            ...amountArguments(spentNanoUsd),
            expiryOf(window, now),
          ]),
        ],
      })),
    );
    const openReplies = await this.#run(
      restoreOpenScript,
      open.map(({ attemptId, amountNanoUsd, windows }) => ({
        tenant,
        args: [
          token,
          epoch,
          attemptId,
          ...windowArguments(tenant, windows, now),
          ...optionArguments([
            { variant: "", worstCaseNanoUsd: amountNanoUsd, positions: [...windows.keys()] },
          ]),
        ],
      })),
    );
    if (![...spentReplies, ...openReplies].every((reply) => reply === 1)) return false;
    const last = [...settled].flatMap(([partition, sequence]) => [partition, String(sequence)]);
    const [ended] = await this.#run(endRebuildScript, [{ tenant, args: [token, epoch, ...last] }]);
    return ended === 1;
  }

  /** Runs a script whose first argument is the tenant's tag. */
  async #run(script: RedisScript, calls: readonly Call[]): Promise<readonly ScriptReply[]> {
    return runScript(
      this.#redis,
      script,
      calls.map(({ tenant, args }) => {
        const tag = tenantTagOf(this.#prefix, tenant);
        return { keys: [`${tag}:budgets`], args: [tag, ...args] };
      }),
    );
  }
}

function settleCall(settlements: readonly Settlement[], now: number): Call {
  const { tenant, partition } = settlements[0]!;
  return {
    tenant,
    args: [
      partition,
      ...settlements.flatMap((settlement) => [
        settlement.attemptId,
        String(settlement.sequence),
        settlement.isNew ? 1 : 0,
        ...amountArguments(settlement.amountNanoUsd),
        ...windowArguments(tenant, settlement.windows, now),
      ]),
    ],
  };
}

function reservationOf<C extends BoundedCandidate>(
  { options }: ReservationRequest<C>,
  windows: readonly Window[],
  [word, ...details]: readonly ScriptReply[],
): Reservation<C> {
  const kind = textOf(word);
  switch (kind) {
    case "granted": {
      const positions = textOf(details[0]).split(" ").map(Number);
      return { kind, candidates: positions.flatMap((at) => options[at - 1]?.candidate ?? []) };
    }
    case "refused": {
      const [position, leftUsd, leftNano, option] = details;
      return {
        kind,
        shortage: {
          window: windows[numberOf(position) - 1]!,
          neededNanoUsd: options[numberOf(option) - 1]!.candidate.worstCaseNanoUsd,
          allowanceNanoUsd: amountOf(textOf(leftUsd), numberOf(leftNano)),
        },
      };
    }
    case "ended":
      return { kind };
    default:
      throw rebuilding();
  }
}
