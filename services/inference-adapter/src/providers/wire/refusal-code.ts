import { type RefusalCode, refusalCodes } from "../../decide/failure.ts";

/**
 * Names of errors that decide in spite of the status, because several statuses are used for them. They have the form
 * of {@link nameOf}.
 */
const decidingNames = namesOf({
  quota_exhausted:
    "insufficientquota billinghardlimitreached billingnotactive insufficientcredits insufficientbalance " +
    "paymentrequired billing exceededcurrentquota insufficientuserquota insufficientfunds arrearage " +
    "contractspendlimitreached enforcedspendlimitreached linkedorganizationspendlimitreached " +
    "linkedorganizationbillingunavailable",
  context_length_exceeded: "contextlengthexceeded contextwindowexceeded",
  unauthorized:
    "invalidapikey incorrectapikey authentication invalidauthentication unauthenticated unauthorized accessdenied " +
    "unrecognizedclient expiredtoken invalidsignature missingauthenticationtoken accountdeactivated " +
    "unsupportedcountryregionterritory organizationonhold",
  model_unknown: "modelnotfound modelnotexist resourcenotfound",
  rate_limited:
    "ratelimit ratelimitexceeded resourceexhausted toomanyrequests throttling throttled throttlingratequota throttlingallocationquota servicequotaexceeded",
  server_error:
    "overloaded engineoverloaded serviceunavailable internalserver internalfailure modelnotready modeltimeout " +
    "modelerror modelstreamerror",
});

/** Names that decide only if there is no status, because OpenAI gives them to errors of several statuses. */
const namesWithoutStatus = namesOf({
  request_refused:
    "invalidrequest badrequest invalidargument invalidvalue unsupportedparameter unsupportedvalue contentfilter " +
    "contentpolicyviolation validation unprocessableentity invalidparameter datainspectionfailed requesttoolarge",
  model_unknown: "notfound",
  unauthorized: "permission permissiondenied",
});

function namesOf(names: Partial<Record<RefusalCode, string>>): ReadonlyMap<string, RefusalCode> {
  const codes = refusalCodes.filter((code) => code in names);
  return new Map(
    codes.flatMap((code) => (names[code] ?? "").split(" ").map((name) => [name, code] as const)),
  );
}

/** Statuses whose refusal does not follow from 4xx (the request is wrong) or others (the server failed). */
const refusalByStatus: ReadonlyMap<number, RefusalCode> = new Map([
  [401, "unauthorized"],
  [402, "quota_exhausted"],
  [404, "model_unknown"],
  [407, "server_error"],
  [408, "server_error"],
  [409, "server_error"],
  [410, "model_unknown"],
  [421, "server_error"],
  [424, "server_error"],
  [425, "server_error"],
  [429, "rate_limited"],
]);

/** The last status of a client's fault that HTTP defines. Servers use higher ones for their capacity and connections. */
const definedStatusMax = 451;

const contextWords =
  /context length|context window|exceed context limit|(?:prompt|input) is too long|maximum (?:sequence|input) length/i;
/** A request that exceeds what the key may use in a minute. It fails each time, although its name is that of a rate. */
const tooLargeWords = /^request too large for|must be reduced in order to run/i;

/**
 * Begins words that are about the operator's account. They are read only at the beginning and before any quotation,
 * because a client could otherwise cause an error that quotes its own text, and make the key rest for all tenants.
 */
const lead =
  String.raw`^[^\w"'\x60“[({]{0,4}(?:[[(]?\d{3,6}[\]):,.\s-]{1,4})?` +
  String.raw`(?:(?!validation|value)[\w.]{0,40}(?:error|exception|sorry)[\w ]{0,20}[:,-]\s{0,4})?` +
  String.raw`(?:[^"'\x60:{[(“]|(?<=\w)'(?=\w)){0,60}?`;
const key = String.raw`(?:api[ _-]?(?:secret )?(?:key|token)|access token|auth\w* (?:token|credentials?|header)|subscription key|credentials)`;
const unauthorizedWords = new RegExp(
  String.raw`${lead}(?:\b(?:incorrect|invalid|wrong|missing|expired|unknown|malformed|revoked|no|validate) ${key}|` +
    String.raw`\b(?:provide|pass|supply|carry|requires?) (?:an? |the |your )?(?:valid )?${key}|` +
    String.raw`\b${key}[\w ]{0,30} (?:not valid|invalid|incorrect|expired|missing|disabled|revoked|not found|wrong|required|deactivated)\b|` +
    String.raw`\b${key} (?:not valid|invalid|incorrect|expired|missing|disabled|revoked|not found|wrong|required)\b|` +
    String.raw`\bauthentication (?:fails|failed|error|required)|\blogin fail|\b(?:account|organization) (?:has been|is|was) (?:deactivated|disabled|banned))`,
  "i",
);
const quotaWords = new RegExp(
  String.raw`${lead}(?:credit balance is too low|\binsufficient (?:\w+ )?(?:balance|credits?|funds|quota)|` +
    String.raw`\bbalance (?:is )?(?:too low|insufficient|not enough|negative|exhausted)|\b(?:not enough|out of|requires more) credits|` +
    String.raw`exceeded your current quota|\bkey limit exceeded|\baccount is not active|reached your specified (?:\w+ )?api usage limits|\bpayment required|余额不足|欠费)`,
  "i",
);
const modelWords =
  /^(?:the )?(?:requested |provided )?model\b.{0,120}?\b(?:not exist|not found|identifier is invalid)/i;
const flaggedWords =
  /\b(?:input|prompt|content|messages?|text|image)\b[^.]{0,60}\b(?:flagged|moderat|violat|blocked|contains|detected|disallowed)|\brequest\b[^.]{0,60}\b(?:flagged|moderat|violat)|\b(?:flagged|blocked|detected)\b[^.]{0,60}\b(?:input|prompt|content|message)|\bmoderation\b|\bcontent[ _-](?:policy|filter|management)|\bsafety (?:system|filter|check|policy|policies)/i;
/** Words of a 403 that is about the key, and not about the request. */
const permissionWords =
  /api[ _-]?key|credential|authenticat|permission|not authori[sz]ed|unauthori[sz]ed|not have access|no access|not allowed to (?:sample|access|use)/i;
const rateWords = /\brate[ -]?limit|too many requests|request limit reached|throttl/i;

/**
 * Returns the refusal of an error.
 *
 * @param names the names that it has, in the form of {@link nameOf}
 * @param status its status of HTTP; null if it has none
 * @param message its words; empty if it has none
 */
export function codeOf(
  names: readonly string[],
  status: number | null,
  message: string,
): RefusalCode {
  const isTooLarge = (status === null || status === 429) && tooLargeWords.test(message);
  if (status === 413 || isTooLarge)
    return contextWords.test(message.slice(0, headLengthMax)) ||
      names.includes("contextlengthexceeded")
      ? "context_length_exceeded"
      : "request_refused";
  const known = names.flatMap((name) => decidingNames.get(name) ?? [])[0];
  if (known !== undefined) return known;
  const byWords = codeByWords(message, status);
  if (byWords !== null) return byWords;
  if (status === 403) return codeOfForbidden(names, message);
  if (status !== null) return codeOfStatus(status);
  return names.flatMap((name) => namesWithoutStatus.get(name) ?? [])[0] ?? "server_error";
}

/** The beginning of a message is read for its words: a body may have any length. */
const headLengthMax = 1_000;

/** Returns the refusal of an error whose words are clearer than its status; null if there are none. */
export function codeByWords(message: string, status: number | null): RefusalCode | null {
  const isGeneral = status === null || codeOfStatus(status) === "request_refused";
  if (!isGeneral && status !== 404 && status !== 429) return null;
  const head = message.slice(0, headLengthMax);
  if (contextWords.test(head)) return "context_length_exceeded";
  if (quotaWords.test(head)) return "quota_exhausted";
  if (unauthorizedWords.test(head)) return "unauthorized";
  if (modelWords.test(head)) return "model_unknown";
  if (isGeneral && flaggedWords.test(head)) return "request_refused";
  return status === null && rateWords.test(head) ? "rate_limited" : null;
}

/**
 * A firewall answers 403 for a prompt that it dislikes, and a key that rested for it would let one client stop the
 * model for all tenants. Only an error that is about access therefore concerns the key. Others are refusals of the request
 * and not failures of the server, whose repetition would open the breaker.
 */
function codeOfForbidden(names: readonly string[], message: string): RefusalCode {
  const isAboutKey =
    names.some((name) => namesWithoutStatus.get(name) === "unauthorized") ||
    permissionWords.test(message.slice(0, headLengthMax));
  return isAboutKey ? "unauthorized" : "request_refused";
}

/** A redirection means that the address is wrong, which is not the fault of the client. */
function codeOfStatus(status: number): RefusalCode {
  const isClientError = status >= 400 && status <= definedStatusMax;
  return refusalByStatus.get(status) ?? (isClientError ? "request_refused" : "server_error");
}

/** Returns a status of an error, which some servers give as the code of the error, or as text. */
export function statusOf(value: unknown): number | null {
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 400 && number < 600
    ? number
    : null;
}

/** Returns a name as in the tables: `com.amazon#ThrottlingException` and `throttling_error` are the same. */
export function nameOf(value: unknown): string | null {
  if (typeof value !== "string" || value.length > 200) return null;
  const [own = ""] = value.slice(value.lastIndexOf("#") + 1).split(":");
  return own
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "")
    .replace(/(?:exception|error)$/, "");
}

/** Whether a value is the name of an error, also if it is not in the tables. */
export function isNameOfError(value: unknown): boolean {
  const name = nameOf(value);
  if (typeof value !== "string" || name === null || /^no[ _-]?error$/i.test(value)) return false;
  return decidingNames.has(name) || namesWithoutStatus.has(name) || generalName.test(value);
}

const generalName = /(?:error|exception|failed|failure|timeout|unavailable)$/i;
