import type { EpochMillis } from "@sluice/domain";
import type { ProviderEnd } from "../provider.ts";
import { retryAfterMsOf } from "./retry-after.ts";
import { type WireError, wireErrorFor } from "./wire-error.ts";

/** The provider did not perform the call. */
export class ProviderRefusal extends Error {
  constructor(
    readonly error: WireError,
    readonly headers: Headers = new Headers(),
  ) {
    super("The provider refused the call.");
  }

  /** @param secrets the provider's keys, which some providers quote */
  end(secrets: readonly string[], now: EpochMillis): ProviderEnd {
    const { code, status, message, parameter } = this.error;
    const retryAfterMs = retryAfterMsOf((name) => this.headers.get(name), now);
    // Only words about the request help its client. Others are about the operator's account.
    const isForClient = code === "request_refused" || code === "context_length_exceeded";
    const words = isForClient && message !== null ? wordsOf(message, parameter, secrets) : "";
    return { kind: "refused", code, status, retryAfterMs, ...(words && { words }) };
  }
}

/** What was heard of a call, also if the client of the API reports another error for it. */
export interface Heard {
  refusal?: ProviderRefusal;
}

/**
 * Returns the response if it is a success.
 *
 * @throws ProviderRefusal otherwise, also if the body of the refusal cannot be read
 */
export async function refusedUnlessOk(response: Response, heard: Heard = {}): Promise<Response> {
  if (response.ok) return response;
  const { status, headers } = response;
  // Known before its words: the call may be ended while they arrive.
  heard.refusal = new ProviderRefusal(wireErrorFor(status, undefined), headers);
  const text = await beginningOf(response).catch(() => "");
  heard.refusal = new ProviderRefusal(wireErrorFor(status, parsed(text)), headers);
  throw heard.refusal;
}

/** The most of a refusal's body that is read, and for how long. Its status has already said what counts. */
const bodyLengthMax = 64 * 1_024;
const bodyMsMax = 2_000;

async function beginningOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), bodyMsMax);
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (text.length < bodyLengthMax) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      const read = await reader.read();
      if (read.done) break;
      text += decoder.decode(read.value, { stream: true });
    }
    return text;
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
}

function parsed(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text);
    // Gemini wraps its error in a list.
    return Array.isArray(body) ? body[0] : body;
  } catch {
    // A page of a proxy is for people with a browser.
    return undefined;
  }
}

const wordsLengthMax = 500;
/** What looks like a key of a provider, or names an account of the operator. It has a digit, unlike a name. */
const secretLooking =
  /\b(?:sk|pk|rk|gsk|xai|org|proj)[-_](?=[\w*.-]*[\d*])[\w*.-]{4,}|\bAIza[\w*-]{8,}|\bBearer\s+\S+/gi;

/** Returns the provider's words for the client, without anything that is the operator's secret. */
export function wordsOf(
  message: string,
  parameter: string | null,
  secrets: readonly string[],
): string {
  const bare = secrets.reduce((text, secret) => text.replaceAll(secret, "[removed]"), message);
  const text = bare.replace(secretLooking, "[removed]").replace(/\s+/g, " ").trim();
  const shown = text.length > wordsLengthMax ? `${text.slice(0, wordsLengthMax - 1)}…` : text;
  return parameter === null || shown.includes(parameter) ? shown : `${shown} (${parameter})`;
}
