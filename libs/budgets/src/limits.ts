const minuteMs = 60 * 1_000;
const dayMs = 24 * 60 * minuteMs;

/**
 * The trace of a reservation that has ended is kept for this long. A redelivery within it reserves nothing. A later one
 * reserves again, and the reservation expires with the request's deadline.
 */
export const endedReservationKeptMs = 10 * minuteMs;

/** As long, the refusal of a reservation is kept. It is shorter, because a client that is over budget can send many requests. */
export const refusalKeptMs = minuteMs;

/** An unclaimed reservation expires this long after the deadline of its request, when no attempt begins any more. */
export const expiryGraceMs = minuteMs;

/** A counter is kept for this long after its window closes, because the last attempts of the window are charged later. */
export const closedWindowKeptMs = 3 * dayMs;

/** The counter of a run is kept for this long after its last reservation or charge. */
export const idleRunKeptMs = 30 * dayMs;

/** As many charges are settled in one call, so that a call does not occupy Redis for long. */
export const settledAtOnceMax = 100;

/** As many reservations expire in one call, so that a call does not occupy Redis for long. */
export const expiredAtOnceMax = 100;
