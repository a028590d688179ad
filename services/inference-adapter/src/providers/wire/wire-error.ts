import type { RefusalCode } from "../../decide/failure.ts";
import { retryDelayMsOf } from "./retry-after.ts";
import { codeByWords, codeOf, isNameOfError, nameOf, statusOf } from "./refusal-code.ts";

/** What a provider says about a call that it did not perform, or could not finish. */
export interface WireError {
  /** The HTTP status, or the one in the error itself; null if there is neither. */
  readonly status: number | null;
  readonly code: RefusalCode;
  /** The provider's own words, for people; null if it gave none. */
  readonly message: string | null;
  /** The parameter at fault, if the provider names one. */
  readonly parameter: string | null;
  /** How long the body asks to wait, in milliseconds; null if it does not. */
  readonly retryAfterMs: number | null;
}

/** What a body holds of an answer, apart from an error. */
export interface AnswerInBody {
  /** Whether it holds something that the provider made, which is billed. */
  readonly hasSubstance: boolean;
  readonly hasChoices: boolean;
  /** Whether the provider says of a choice that it could not finish it. */
  readonly hasFailed: boolean;
}

const noAnswer: AnswerInBody = { hasSubstance: false, hasChoices: false, hasFailed: false };

type Members = Readonly<Record<string, unknown>>;

/**
 * Returns the error that a body reports, or null if it reports none. Many servers report errors in a body with
 * status 200, or as an event of a stream.
 *
 * @param body the parsed JSON of an answer, or of one event
 * @param answer what the body holds apart from an error
 */
export function wireErrorIn(body: unknown, answer: AnswerInBody = noAnswer): WireError | null {
  const error = errorOf(membersOf(body), answer);
  return error && wireErrorOf(error, null);
}

/** Returns the error of a response that is one by its status, whatever its body is. */
export function wireErrorFor(status: number, body: unknown): WireError {
  const read = membersOf(body);
  return wireErrorOf(errorOf(read, noAnswer) ?? read, status);
}

/** Returns the members of the error; null if there is none. */
function errorOf(read: Members, answer: AnswerInBody): Members | null {
  const named =
    reportedIn(read["error"], read) ?? reportedIn(read["errors"], read) ?? choiceErrorOf(read);
  if (named && isCertain(named)) return named;
  const error = named ?? baseResponseErrorOf(read) ?? bareErrorOf(read);
  return error && (isAnswer(read, answer) || isNote(error, answer)) ? null : error;
}

/** Whether an error next to choices, which may only begin here, has the code of a success. */
function isNote(error: Members, { hasChoices, hasFailed }: AnswerInBody): boolean {
  const codes = valuesIn(error, codeNames).filter((value) => value !== "");
  return hasChoices && !hasFailed && codes.some(saysSuccess);
}

function isAnswer(read: Members, { hasSubstance }: AnswerInBody): boolean {
  return hasSubstance || listOf(read["data"]).some((item) => Boolean(membersOf(item)["embedding"]));
}

/** Whether an error cannot be the note that some servers add to each answer. */
function isCertain(error: Members): boolean {
  return statusIn(error) !== null || valuesIn(error, codeNames).some(isNameOfError);
}

/** Some providers report an error in the choice that they could not finish. */
function choiceErrorOf(read: Members): Members | null {
  const choices = listOf(read["choices"]).map(membersOf);
  return firstOf(choices, (choice) => reportedIn(choice["error"], choice));
}

/** MiniMax reports in `base_resp` how each call ended, also a successful one, with codes of its own. */
function baseResponseErrorOf(read: Members): Members | null {
  const { status_code: code, status_msg: message } = membersOf(read["base_resp"]);
  if (!code || saysSuccess(code)) return null;
  return { message, code, type: miniMaxNames.get(Number(code)) };
}

const miniMaxNames: ReadonlyMap<number, string> = new Map([
  [1002, "rate_limit_exceeded"],
  [1004, "authentication_error"],
  [1008, "insufficient_balance"],
  [1026, "content_filter"],
  [1027, "content_filter"],
  [1039, "rate_limit_exceeded"],
  [2013, "invalid_request_error"],
  [2049, "invalid_api_key"],
]);

/** Returns a body that is itself an error, as those of vLLM, Bedrock, FastAPI and of many proxies. */
function bareErrorOf(read: Members): Members | null {
  const isError = ["object", "type", "status"].some((name) => read[name] === "error");
  if (isError || read["success"] === false || typeof read["__type"] === "string") return read;
  const codes = valuesIn(read, codeNames).filter((value) => value !== "");
  const message = messageIn(read);
  if (message === null || saysSuccess(message) || codes.some(saysSuccess)) return null;
  // A chunk may have words of its own, and so may a sign of life.
  const mayBeAnswer =
    Boolean(read["id"]) ||
    listOf(read["choices"]).length > 0 ||
    listOf(read["data"]).length > 0 ||
    Object.values(membersOf(read["usage"])).some(Boolean);
  return !mayBeAnswer || isCertain(read) || codeByWords(message, null) !== null ? read : null;
}

/**
 * Returns the members of an error that a member may report, in one of the forms that servers use; null if it reports
 * none, because some servers send an empty error, or one that says "success", with each answer.
 *
 * @param around the object that has the member, which may have the words
 */
function reportedIn(value: unknown, around: Members): Members | null {
  if (Array.isArray(value)) return firstOf(value, (each) => reportedIn(each, around));
  if (value === true) return around;
  if (typeof value === "number") return saysSuccess(value) ? null : { ...around, code: value };
  if (typeof value === "string") {
    if (saysSuccess(value)) return null;
    return { ...around, message: messageIn(around) ?? value, type: around["type"] ?? value };
  }
  const error = membersOf(value);
  // A server that passes on the error of another one has its words deeper.
  const inner = membersOf(error["error"]);
  const whole: Members =
    typeof error["error"] === "string"
      ? { ...error, message: messageIn(error) ?? error["error"] }
      : { ...error, ...inner };
  const said = [messageIn(whole), ...valuesIn(whole, codeNames)].filter((each) => each !== null);
  const isEmpty = Object.values(whole).every((each) => !each || isEmptyList(each));
  if (isEmpty || (said.length > 0 && said.every(saysSuccess))) return null;
  return said.length > 0 ? whole : { ...whole, message: wordsOfMembers(whole) };
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

const successWords =
  /^(?:|0|2\d\d(?: ok)?|none|null|ok|okay|normal|(?:request )?success(?:ful|fully)?|succeeded|no[ _-]?error)[.!]?$/i;

function saysSuccess(value: unknown): boolean {
  return (
    (typeof value === "string" || typeof value === "number") &&
    successWords.test(String(value).slice(0, 40).trim())
  );
}

/** Members in which servers give the words of an error, and its codes or names. */
const messageNames =
  "message Message msg detail error_msg error_message errorMessage errorMsg errmsg err_msg error_description status_msg title".split(
    " ",
  );
const codeNames =
  "code type status status_code __type error_code errorCode errcode error_type Code".split(" ");

function valuesIn(read: Members, names: readonly string[]): readonly unknown[] {
  return names.map((name) => read[name] ?? null);
}

function messageIn(error: Members): string | null {
  return firstOf(valuesIn(error, messageNames), (value) => wordsIn(value));
}

/** The most problems, and characters of them, that the words of one error are joined from. */
const problemsMax = 8;
const problemsLengthMax = 2_000;

/** Returns words that are a text, or the problems that FastAPI lists, each with its place in the request. */
function wordsIn(value: unknown, depth = 0): string | null {
  if (typeof value === "string") return textOf(value);
  // Each chunk of a stream is read here, and most have none of these members.
  if (typeof value !== "object" || value === null || depth > 3) return null;
  if (Array.isArray(value)) {
    const problems = value.slice(0, problemsMax).map((each) => wordsIn(each, depth + 1));
    const joined = problems.filter((each) => each !== null).join("; ");
    return textOf(joined.slice(0, problemsLengthMax));
  }
  const read = membersOf(value);
  const words = firstOf(valuesIn(read, messageNames), (each) => wordsIn(each, depth + 1));
  const place = placeOf(read["loc"]);
  return words !== null && place !== "" ? `${place}: ${words}` : words;
}

/** Returns the path of a problem without its first step, `body`, which no client has written. */
function placeOf(path: unknown): string {
  const steps = listOf(path).filter((step) => typeof step === "string" || typeof step === "number");
  return (steps[0] === "body" ? steps.slice(1) : steps).slice(0, 16).join(".").slice(0, 200);
}

/** Returns the problems of an object that has them under the names of the parameters. */
function wordsOfMembers(error: Members): string | null {
  const problems = Object.entries(error)
    .slice(0, problemsMax)
    .map(([name, value]) => [name, wordsIn(value)])
    .filter(([, words]) => words !== null);
  return textOf(
    problems
      .map((problem) => problem.join(": "))
      .join("; ")
      .slice(0, problemsLengthMax),
  );
}

function wireErrorOf(error: Members, httpStatus: number | null): WireError {
  const inBody = statusIn(error);
  const status = httpStatus ?? inBody;
  const message = messageIn(error);
  // The status of a gateway may be less exact than the one that it passes on.
  const decisive = status === 400 ? (inBody ?? status) : status;
  const { reasons, flagged_input: flagged } = membersOf(error["metadata"]);
  const isFlagged = listOf(reasons).length > 0 || Boolean(flagged);
  const isAboutRequest = isFlagged && decisive !== 401 && (decisive ?? 400) < 500;
  const code = isAboutRequest ? "request_refused" : codeOf(namesIn(error), decisive, message ?? "");
  const retryAfterMs = retryDelayMsIn(error["details"]);
  return { status, code, message, parameter: textOf(error["param"]), retryAfterMs };
}

/** Returns the wait that Google's APIs state in the details of an error, and not in a header (google.rpc.RetryInfo). */
function retryDelayMsIn(details: unknown): number | null {
  const members = listOf(details).map(membersOf);
  return firstOf(members, ({ retryDelay }) => retryDelayMsOf(retryDelay));
}

function statusIn(error: Members): number | null {
  const values = valuesIn(error, ["code", "status", "status_code", "error_code", "errorCode"]);
  return firstOf(values, statusOf);
}

/** Returns the names of an error, the most exact first. Anthropic's is in the details, under a more general type. */
function namesIn(error: Members): readonly string[] {
  const { error_code: exact } = membersOf(error["details"]);
  return [exact, ...valuesIn(error, codeNames)].flatMap((value) => nameOf(value) ?? []);
}

/** Returns the first result that is not null; null if there is none. */
function firstOf<From, To>(values: readonly From[], read: (value: From) => To | null): To | null {
  for (const value of values) {
    const result = read(value);
    if (result !== null) return result;
  }
  return null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
