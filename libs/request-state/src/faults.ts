/** Every code this package throws; outages carry `REDIS_UNAVAILABLE` of `@sluice/redis`. */
export type OutcomeFaultCode = "OUTCOME_REPLY_MALFORMED";
