/** The codes of this package's faults. Outages have the code `REDIS_UNAVAILABLE` of `@sluice/redis`. */
export type OutcomeFaultCode = "OUTCOME_REPLY_MALFORMED";
