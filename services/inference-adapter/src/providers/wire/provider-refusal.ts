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
    const retryAfterMs =
      retryAfterMsOf((name) => this.headers.get(name), now) ?? this.error.retryAfterMs;
    // Only words about the request help its client. Others are about the operator's account.
    const isForClient = code === "request_refused" || code === "context_length_exceeded";
    if (!isForClient) return { kind: "refused", code, status, retryAfterMs };
    const words = message === null ? "" : wordsOf(message, parameter, secrets);
    const param = parameter === null ? undefined : paramOf(parameter, secrets);
    return {
      kind: "refused",
      code,
      status,
      retryAfterMs,
      ...(words && { words }),
      ...(param !== undefined && { param }),
    };
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
/** The most characters that are cleaned, which is more than is shown, because secrets and spaces are shortened. */
const cleanedLengthMax = 2_000;

const keyPrefix =
  "sk|pk|rk|ak|gsk|csk|xai|org|proj|acct|nvapi|hf|pplx|r8|fw|tgp_v1|vck|sess|jina|gh[pousr]|github_pat|wrkspc|file|msg|req";
/**
 * What looks like a key of a provider, or names an account or a server of the operator. Behind its prefix, a key has a
 * digit or many letters, unlike the name of a parameter. Addresses are removed as a whole: those of documentation are
 * for the owner of the account, and others may have a password or the name of an internal server.
 */
const secretLooking = new RegExp(
  [
    String.raw`\b[a-z][a-z0-9+.-]*://[^\s"'<>\x60]*[^\s"'<>\x60.,;:!?)\]}]`,
    String.raw`\b(?:${keyPrefix})[-_](?:(?=[\w*.•…-]*[\d*•…])[\w*.•…-]{3,}[\w*•…-]|[a-z]{20,})`,
    String.raw`\bAIza[\w*-]{8,}|\b(?:AKIA|ASIA)[A-Z0-9*]{8,}|\bdapi[a-f0-9*]{8,}`,
    String.raw`\beyJ[\w-]{6,}(?:\.[\w-]*){0,2}`,
    String.raw`\bBearer\s+\S+|\bBasic\s+[\w+/]{6,}={1,2}`,
    String.raw`[\w.-]*(?:\*{3,}|•{3,})(?:[\w.*•-]*[\w*•])?`,
    String.raw`\b(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{32,}\b`,
    String.raw`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`,
    String.raw`\barn:[\w:/.*-]*[\w*]`,
    String.raw`[\w.+-]+@[\w-]+\.[\w.-]*\w`,
    String.raw`\b(?:\d{1,3}\.){3}\d{1,3}\b(?::\d+)?|\blocalhost:\d+|\b[\w-]+(?:\.[\w-]+)+:\d{2,5}\b`,
    String.raw`\b[\w-]+(?:\.[\w-]+)*\.(?:cluster\.local|svc|internal)\b`,
  ].join("|"),
  "gi",
);

/** Returns the provider's words for the client, without anything that is the operator's secret. */
export function wordsOf(
  message: string,
  parameter: string | null,
  secrets: readonly string[],
): string {
  const isNamed = parameter === null || message.includes(parameter);
  const whole = oneLineOf(isNamed ? message : `${message} (${parameter})`);
  const text = withoutSecrets(whole, secrets).replace(secretLooking, "[removed]");
  return text.length > wordsLengthMax ? `${text.slice(0, wordsLengthMax - 1)}…` : text;
}

/** Returns the path of a parameter; undefined if the provider sends something else, or a secret. */
function paramOf(parameter: string, secrets: readonly string[]): string | undefined {
  const isPath = /^[\w.[\]$-]{1,200}$/.test(parameter);
  return isPath && wordsOf(parameter, null, secrets) === parameter ? parameter : undefined;
}

/** Returns the beginning of a text. It ends between two words, because a half of a secret is not recognised. */
function oneLineOf(text: string): string {
  const line = text
    .slice(0, cleanedLengthMax * 8)
    .replace(/\s+/g, " ")
    .trim();
  if (line.length <= cleanedLengthMax) return line;
  const end = line.lastIndexOf(" ", cleanedLengthMax);
  return line.slice(0, end > 0 ? end : cleanedLengthMax);
}

/** A shorter key is removed only as a word of its own: a server without keys has any text for it, such as `x`. */
const secretLengthMin = 8;

function withoutSecrets(text: string, secrets: readonly string[]): string {
  const long = secrets.filter(({ length }) => length >= secretLengthMin);
  return long
    .toSorted((left, right) => right.length - left.length)
    .reduce((bare, secret) => bare.replaceAll(secret, "[removed]"), text)
    .replace(/[\w*-]+(?:\.[\w*-]+)*/g, (word) => (secrets.includes(word) ? "[removed]" : word));
}
