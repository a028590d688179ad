import type { CostMetered } from "@sluice/contracts";
import { type ScriptReply, listOf, numberOf, recordOf, textOf } from "@sluice/redis";
import {
  type Append,
  type AttemptClaim,
  type AttemptEnd,
  type AttemptPhase,
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
import { historyScript } from "./scripts/history.ts";
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

  override async history(ref: RequestRef, owner = noOwner): Promise<RequestHistory> {
    const reply = listOf(await this.#requests.runOne(historyScript, ref, owner));
    const [hasOutcome, outcomeBytes, cancelled, began, attempts] = reply;
    const { records } = this.#requests;
    const outcome = await recordOf(outcomeBytes, (bytes) => records.outcomeOf(bytes));
    return {
      outcome,
      answerGone: numberOf(hasOutcome) === 1 && outcome === null,
      cancelled: numberOf(cancelled) === 1,
      replyBegan: numberOf(began) === 1,
      attempts: await Promise.all(
        listOf(attempts).map((attempt, index) => this.#stateOf(index + 1, attempt)),
      ),
    };
  }

  override async begin(ref: RequestRef, owner: string, leaseMs: number): Promise<number | null> {
    const fence = await this.#requests.runOne(beginScript, ref, owner, leaseMs);
    return fence === null ? null : numberOf(fence);
  }

  override async claim(
    ref: RequestRef,
    attemptNumber: number,
    owner: string,
    leaseMs: number,
  ): Promise<AttemptClaim> {
    const reply = await this.#requests.runOne(
      claimAttemptScript,
      ref,
      attemptNumber,
      owner,
      leaseMs,
    );
    const [word, detail] = listOf(reply);
    const kind = textOf(word);
    const { records } = this.#requests;
    switch (kind) {
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
    return this.#end(ref, [attemptNumber, fence, "failed", reason, this.#metered(metered)]);
  }

  override async release(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    metered: CostMetered,
  ): Promise<boolean> {
    const reason = metered.reason;
    return this.#end(ref, [attemptNumber, fence, "released", reason, this.#metered(metered)]);
  }

  async #end(ref: RequestRef, args: readonly (string | number | Buffer)[]): Promise<boolean> {
    return isDone(await this.#requests.runOne(endAttemptScript, ref, ...args));
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

function isDone(reply: ScriptReply | undefined): boolean {
  return numberOf(reply) === 1;
}
