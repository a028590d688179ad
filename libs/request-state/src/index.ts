export type { OutcomeFaultCode } from "./faults.ts";
export { InMemoryAdmissions } from "./in-memory/in-memory-admissions.ts";
export { InMemoryAttempts } from "./in-memory/in-memory-attempts.ts";
export { InMemoryOutcomes } from "./in-memory/in-memory-outcomes.ts";
export { InMemoryReplies } from "./in-memory/in-memory-replies.ts";
export { InMemoryRequests } from "./in-memory/in-memory-requests.ts";
export { InMemoryRateLimits } from "./rate-limits/in-memory-rate-limits.ts";
export {
  type AppliedLimit,
  type Bound,
  type CountedRequest,
  type Exceeded,
  type LimitState,
  type MeterState,
  RateLimits,
  type Taken,
} from "./rate-limits/rate-limits.ts";
export { RedisRateLimits } from "./rate-limits/redis-rate-limits.ts";
export { attemptsMax, recordKeptMs } from "./limits.ts";
export { completedOutcome, type Ending, type Refusal, refusedOutcome } from "./outcome-of.ts";
export { OutcomeDeadLetters } from "./outcome-dead-letters.ts";
export { type RequestStateOptions, RequestStateModule } from "./request-state.module.ts";
export {
  type Admission,
  Admissions,
  type Admitted,
  type AdmittedRef,
  type Append,
  type AttemptClaim,
  type AttemptEnd,
  type AttemptPhase,
  type AttemptReservation,
  type AttemptResult,
  Attempts,
  type AttemptState,
  type Claim,
  type ClaimedBy,
  type Finish,
  Outcomes,
  type Publication,
  type Reader,
  type Renewal,
  type Repeated,
  Replies,
  type ReplyEvent,
  type RequestHistory,
  type RequestRef,
} from "./ports.ts";
export { RedisAdmissions } from "./redis/redis-admissions.ts";
export { RedisAttempts } from "./redis/redis-attempts.ts";
export { RedisOutcomes } from "./redis/redis-outcomes.ts";
export { RedisReplies } from "./redis/redis-replies.ts";
export { RedisRequests } from "./redis/redis-requests.ts";
export { newReaderId } from "./reader-id.ts";
export { refOf, refOfAdmitted } from "./request-ref.ts";
export { respondedMessage } from "./responded-message.ts";
export { storedTopics } from "./stored-records.ts";
export { effectOfClaim, notePublished, publicationsIn } from "./respond.ts";
export {
  type ChunkChoices,
  decodeTokens,
  encodeTokens,
  type TokenPayload,
} from "./token-payload.ts";
