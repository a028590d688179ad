/**
 * The limits of a request's state. The Lua scripts are rendered from these constants and the fakes
 * import them, so that no limit is written down twice.
 */
const minuteMs = 60 * 1_000;
const dayMs = 24 * 60 * minuteMs;

/** A request makes at most this many provider calls, because each call may be billed. */
export const attemptsMax = 4;

/**
 * The record of a request is kept for this long after its last write, and so is an answer that is
 * not yet published. The topics of a request keep their messages for 3 days too, so a redelivered
 * or replayed message finds the record. Without it, the adapter would call a provider again.
 */
export const recordKeptMs = 3 * dayMs;

/** A published answer is kept for this long if the client gave the request an id, as the client may repeat it. */
export const rememberedAnswerKeptMs = dayMs;

/**
 * Any other published answer is kept until this long after its deadline. Only an SDK's retry can
 * still ask for it, and SDKs give up within minutes.
 */
export const answerKeptAfterDeadlineMs = 10 * minuteMs;

/** Every published answer is kept for at least this long, because its reader may still be on the way. */
export const answerKeptMinMs = minuteMs;

/** The stream of a reply is kept for this long after its last entry, while the request runs. */
export const replyKeptMs = 10 * minuteMs;

/**
 * Once the outcome is set, the stream is kept for this long after the outcome or the last read of a
 * slow reader. A reader that takes longer for one page receives an error instead of the missing tokens.
 */
export const endedReplyKeptMs = minuteMs;

/** The stream is kept for this long after its last reader has read it whole, because the reply of that read may be lost. */
export const readReplyKeptMs = 5_000;

/** An SDK's retry without a request id joins a request with the same key and body for this long. */
export const joinableMs = 10 * minuteMs;

/** As many processes that follow a request's reply are notified. Readers in older ones poll. */
export const listenersMax = 8;

/** As many readers of one request are counted. A request with more is never cancelled. */
export const readersMax = 64;

/** A notification carries the outcome if it has at most this many bytes. Larger outcomes are read from Redis. */
export const notifiedOutcomeBytesMax = 64 * 1_024;

/** After how long a request may be sent again that exceeded a concurrency, because how long the running ones still run is not known. */
export const concurrencyRetryMs = 1_000;
