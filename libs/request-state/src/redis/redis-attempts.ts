import {
  amountOf,
  optionArguments,
  rebuilding,
  type Shortage,
  windowArguments,
} from "@sluice/budgets";
import type { CostMetered } from "@sluice/contracts";
import { assert } from "@sluice/domain";
import { type ScriptReply, listOf, numberOf, recordOf, textOf } from "@sluice/redis";
import { costsNothing } from "../costs-nothing.ts";
import {
  type AdmittedRef,
  type Append,
  type AttemptClaim,
  type AttemptEnd,
  type AttemptPhase,
  type AttemptReservation,
  type AttemptResult,
  Attempts,
  type AttemptState,
  type Finish,
  type Renewal,
  type RequestHistory,
  type RequestRef,
} from "../ports.ts";
import type { RedisRequests } from "./redis-requests.ts";
import { appendScript } from "./scripts/append.ts";
import { beginScript } from "./scripts/begin.ts";
import { callingScript } from "./scripts/calling.ts";
import { claimAttemptScript } from "./scripts/claim-attempt.ts";
import { endAttemptScript } from "./scripts/end-attempt.ts";
import { finishScript } from "./scripts/finish.ts";
import { hasLostScript, historyScript } from "./scripts/history.ts";
import { renewScript } from "./scripts/renew.ts";

/** The argument for an absent record. */
const absent = "";
/** The argument for a reader that owns no attempt. */
const noOwner = "";

export class RedisAttempts extends Attempts {
  readonly #requests: RedisRequests;

  constructor(requests: RedisRequests) {
    super();
    this.#requests = requests;
  }

  override async history(ref: AdmittedRef, owner = noOwner): Promise<RequestHistory> {
    const reply = await this.#requests.runOne(historyScript, ref, owner, ref.admittedAt);
    const [hasOutcome, outcomeBytes, cancelled, began, attempts, before] = listOf(reply);
    const attemptsBefore = numberOf(before);
    const { records } = this.#requests;
    const outcome = await recordOf(outcomeBytes, (bytes) => records.outcomeOf(bytes));
    return {
      outcome,
      answerGone: numberOf(hasOutcome) === 1 && outcome === null,
      cancelled: numberOf(cancelled) === 1,
      replyBegan: numberOf(began) === 1,
      attempts: await Promise.all(
        listOf(attempts).map((attempt, index) =>
          this.#stateOf(attemptsBefore + index + 1, attempt),
        ),
      ),
      attemptsBefore,
    };
  }

  override async begin(
    ref: AdmittedRef,
    owner: string,
    leaseMs: number,
    reservation: AttemptReservation | null,
  ): Promise<Extract<AttemptClaim, { kind: "held" | "refused" }> | null> {
    const need = needArguments(ref.tenant, reservation);
    const reply = await this.#requests.runOne(
      beginScript,
      ref,
      owner,
      leaseMs,
      ref.admittedAt,
      ...need,
    );
    if (reply === null) return null;
    const [word, ...details] = listOf(reply);
    switch (textOf(word)) {
      case "held":
        return { kind: "held", fence: numberOf(details[0]) };
      case "refused":
        return { kind: "refused", shortage: shortageOf(reservation, details) };
      default:
        throw rebuilding();
    }
  }

  override async claim(
    ref: AdmittedRef,
    attemptNumber: number,
    owner: string,
    leaseMs: number,
    reservation: AttemptReservation | null,
  ): Promise<AttemptClaim> {
    const reply = await this.#requests.runOne(
      claimAttemptScript,
      ref,
      attemptNumber,
      owner,
      leaseMs,
      ref.admittedAt,
      ...needArguments(ref.tenant, reservation),
    );
    const [word, ...details] = listOf(reply);
    const [detail] = details;
    const kind = textOf(word);
    const { records } = this.#requests;
    switch (kind) {
      case "refused":
        return { kind, shortage: shortageOf(reservation, details) };
      case "rebuilding":
        throw rebuilding();
      case "held":
        return { kind, fence: numberOf(detail) };
      case "busy":
        return { kind, leaseLeftMs: numberOf(detail) };
      case "ended":
        return { kind, attempt: await this.#stateOf(attemptNumber, detail) };
      case "outcome-set":
        return { kind, outcome: await recordOf(detail, (bytes) => records.outcomeOf(bytes)) };
      default:
        return { kind: kind === "in-doubt" ? kind : "not-next" };
    }
  }

  override async calling(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    leaseMs: number,
  ): Promise<boolean> {
    return isDone(await this.#requests.runOne(callingScript, ref, attemptNumber, fence, leaseMs));
  }

  override async hasLost(ref: RequestRef, attemptNumber: number): Promise<boolean> {
    return isDone(await this.#requests.runOne(hasLostScript, ref, attemptNumber));
  }

  override async renew(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    leaseMs: number,
  ): Promise<Renewal> {
    const reply = await this.#requests.runOne(renewScript, ref, attemptNumber, fence, leaseMs);
    const [kind, cancelled] = listOf(reply);
    if (textOf(kind) === "fenced") return { kind: "fenced" };
    return { kind: "renewed", cancelled: isDone(cancelled) };
  }

  override async append(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    sequence: number,
    payload: string,
  ): Promise<Append> {
    const args = [attemptNumber, fence, sequence, payload];
    const [kind, cancelled] = listOf(await this.#requests.runOne(appendScript, ref, ...args));
    if (textOf(kind) === "fenced") return { kind: "fenced" };
    return { kind: "appended", cancelled: isDone(cancelled) };
  }

  override async finish(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    { metered, outcome }: AttemptResult,
  ): Promise<Finish> {
    const args = [attemptNumber, fence, this.#metered(metered)];
    const reply = await this.#requests.runOne(
      finishScript,
      ref,
      ...args,
      ...this.#requests.outcomeArgs(outcome),
    );
    const [word, bytes] = listOf(reply);
    const kind = textOf(word);
    if (kind === "fenced" || kind === "answer-gone") return { kind };
    const { records } = this.#requests;
    const standing = await recordOf(bytes, (stored) => records.outcomeOf(stored));
    return { kind: kind === "won" ? "won" : "lost", outcome: standing ?? outcome };
  }

  override async fail(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    { reason, metered }: AttemptEnd,
  ): Promise<boolean> {
    return this.#end(ref, [attemptNumber, fence, "failed", reason], metered);
  }

  override async release(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    metered: CostMetered,
  ): Promise<boolean> {
    const reason = metered.reason;
    return this.#end(ref, [attemptNumber, fence, "released", reason], metered);
  }

  async #end(
    ref: RequestRef,
    args: readonly (string | number)[],
    metered: CostMetered | null,
  ): Promise<boolean> {
    const freeAttemptId = metered && costsNothing(metered) ? metered.attemptId : absent;
    const given = [...args, this.#metered(metered), freeAttemptId];
    return isDone(await this.#requests.runOne(endAttemptScript, ref, ...given));
  }

  #metered(metered: CostMetered | null): Buffer | string {
    return metered === null ? absent : this.#requests.records.meteredBytes(metered);
  }

  async #stateOf(number: number, reply: ScriptReply | undefined): Promise<AttemptState> {
    const [phase, leaseLeftMs, meteredBytes, reason] = listOf(reply);
    const { records } = this.#requests;
    return {
      number,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only our scripts write it
      phase: textOf(phase) as AttemptPhase,
      leaseLeftMs: numberOf(leaseLeftMs),
      metered: await recordOf(meteredBytes, (bytes) => records.meteredOf(bytes)),
      reason: reason === null || reason === undefined ? null : textOf(reason),
    };
  }
}

/** Returns what an attempt needs as the scripts read it. */
function needArguments(
  tenant: string,
  reservation: AttemptReservation | null,
): readonly (string | number)[] {
  if (reservation === null) return [absent];
  const { attemptId, dispatchedId, variant, worstCaseNanoUsd, windows } = reservation;
  const positions = [...windows.keys()];
  return [
    attemptId,
    dispatchedId,
    ...windowArguments(tenant, windows, Date.now()),
    ...optionArguments([{ variant, worstCaseNanoUsd, positions }]),
  ];
}

function shortageOf(
  reservation: AttemptReservation | null,
  [position, leftUsd, leftNano]: readonly ScriptReply[],
): Shortage {
  const window = reservation?.windows[numberOf(position) - 1];
  assert(
    reservation && window,
    "OUTCOME_REPLY_MALFORMED",
    "A budget refused an attempt that has none.",
  );
  return {
    window,
    neededNanoUsd: reservation.worstCaseNanoUsd,
    allowanceNanoUsd: amountOf(textOf(leftUsd), numberOf(leftNano)),
  };
}

function isDone(reply: ScriptReply | undefined): boolean {
  return numberOf(reply) === 1;
}
