import type { AppliedLimit, Exceeded } from "@sluice/request-state";
import { type Refusal, refused } from "../request/refusal.ts";

/** Returns why a limit declines a request. Pure. */
export function limitRefusalOf(
  { scope, requestsPerMinute, tokensPerMinute, concurrency }: AppliedLimit,
  { bound, retryAfterMs }: Exceeded,
  tokens: number,
): Refusal {
  const again = retryAfterMs === null ? "" : ` Try again in ${inSeconds(retryAfterMs)} s.`;
  switch (bound) {
    case "requests":
      return limited(
        `The limit "${scope}" allows ${requestsPerMinute} requests per minute.${again}`,
        retryAfterMs,
      );
    case "tokens":
      return limited(
        retryAfterMs === null
          ? `The request counts as ${tokens} tokens, and the limit "${scope}" allows ${tokensPerMinute} tokens per minute. Shorten it, or set a lower output limit.`
          : `The limit "${scope}" allows ${tokensPerMinute} tokens per minute, and the request counts as ${tokens}.${again}`,
        retryAfterMs,
      );
    case "concurrency":
      return limited(
        `The limit "${scope}" allows ${concurrency} requests at the same time. Try again when one of them has ended.`,
        retryAfterMs,
      );
    default:
      return bound satisfies never;
  }
}

/** Returns why a request is declined whose key has sent the same prompt too often. Pure. */
export function loopRefusalOf(
  key: string,
  samePromptPerMinute: number,
  { retryAfterMs }: Exceeded,
): Refusal {
  const reason = `The key "${key}" sends the same prompt more than ${samePromptPerMinute} times a minute, which an agent in a loop does. Stop it, or raise loops.samePromptPerMinute in sluice.yaml.`;
  return { ...refused("loop_detected", reason, null), retryAfterMs };
}

function limited(reason: string, retryAfterMs: number | null): Refusal {
  return { ...refused("rate_limit_exceeded", reason, null), retryAfterMs };
}

function inSeconds(ms: number): string {
  return String(Math.ceil(ms / 100) / 10);
}
