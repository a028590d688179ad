import type { IncomingHttpHeaders } from "node:http";

/** In seconds. Browsers keep the answer to a preflight for two hours at most. */
const preflightKeptSeconds = 7_200;

/** The headers of a response that a page may read, in addition to those that every page may. */
const exposed = [
  "x-sluice-request-id",
  "x-sluice-cache",
  "x-sluice-model",
  "x-sluice-tier",
  "x-sluice-cost-usd",
  "x-request-id",
  "retry-after",
  "retry-after-ms",
  "x-ratelimit-limit-requests",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-reset-requests",
  "x-ratelimit-limit-tokens",
  "x-ratelimit-remaining-tokens",
  "x-ratelimit-reset-tokens",
  "x-should-retry",
  "allow",
  "accept-encoding",
  "www-authenticate",
].join(", ");

const token = /^[\w!#$%&'*+.^`|~-]+$/;

type Headers = Readonly<Record<string, string>>;

/**
 * Returns the headers by which a browser decides whether a page may read the response. Without allowed origins,
 * there are none. A key is sent in a header of the request and not in a cookie, so a page never needs credentials.
 * Pure.
 */
export function originHeadersOf(
  { origin }: IncomingHttpHeaders,
  allowed: ReadonlySet<string>,
): Headers {
  if (allowed.size === 0) return {};
  // Also for other origins: a cache must not give a page the response to another page.
  const vary = { vary: "origin" };
  if (origin === undefined || !allowed.has(origin)) return vary;
  return {
    ...vary,
    "access-control-allow-origin": origin,
    "access-control-expose-headers": exposed,
  };
}

/**
 * Returns the further headers of the answer to a preflight. A page of an allowed origin may send any header, because
 * OpenAI's SDKs send more of them with each version. Pure.
 */
export function preflightHeadersOf(
  headers: IncomingHttpHeaders,
  methods: readonly string[],
  allowed: ReadonlySet<string>,
): Headers {
  const { origin = "", "access-control-request-method": method } = headers;
  if (method === undefined || !allowed.has(origin)) return {};
  const requested = (headers["access-control-request-headers"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => token.test(name));
  return {
    vary: "origin, access-control-request-method, access-control-request-headers",
    "access-control-allow-methods": methods.join(", "),
    ...(requested.length === 0 ? {} : { "access-control-allow-headers": requested.join(", ") }),
    "access-control-max-age": String(preflightKeptSeconds),
  };
}
