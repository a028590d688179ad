import type { Attribution, InferenceAdmitted, InferenceRequested } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import type { Refusal } from "../request/refusal.ts";
import { bodyHashOf } from "../request/request-record.ts";

/** An authenticated request, before it is decided whether it is admitted. */
export interface Candidate {
  /** The record that is published if the request is admitted. The outcome of a declined request is made from it. */
  readonly admitted: InferenceAdmitted;
  /** Why the request may not be admitted; undefined if its content is valid. The deadline is not part of it. */
  readonly refusal: Refusal | undefined;
  /** Whether its signature is so old that the message may be a recorded one. HTTP requests do not have a signature. */
  readonly isStale: boolean;
}

/** The members of {@link InferenceAdmitted} that depend on how the request arrived. */
export type Arrival = Pick<InferenceAdmitted, "origin" | "reply" | "remembered" | "correlationId">;

const defaultDeadlineMs = { http: 120_000, kafka: 10 * 60_000 } as const;
/** Is shorter than the retention of the topics, so that a message does not expire before its request. */
const deadlineMaxMs = 48 * 60 * 60_000;

/**
 * Returns the record of a request that arrived at `now`, as it would be admitted. Pure.
 *
 * @param sentAt when its sender began to wait: deadlines count from then, because a request that waited on
 *   the topic for an hour is one that its sender has given up
 */
export function admittedRecordOf(
  request: InferenceRequested,
  attribution: Attribution,
  arrival: Arrival,
  now: EpochMillis,
  sentAt: EpochMillis = now,
): InferenceAdmitted {
  const { origin, reply, remembered, correlationId } = arrival;
  return {
    request,
    attribution,
    admittedAt: now,
    // A topic that another program made may have times from its senders, which may be in the future.
    deadlineAt: deadlineOf(request.requirements.deadlineAt, origin, Math.min(sentAt, now)),
    bodyHash: bodyHashOf(attribution.tenant, request),
    origin,
    reply,
    remembered,
    correlationId,
    lookup: null,
    decisions: [],
  };
}

/** Returns the requested deadline or the default of the origin; both end 48 hours after `sentAt` at the latest. */
export function deadlineOf(
  requested: EpochMillis | null,
  origin: "http" | "kafka",
  sentAt: EpochMillis,
): EpochMillis {
  return Math.min(requested ?? sentAt + defaultDeadlineMs[origin], sentAt + deadlineMaxMs);
}
