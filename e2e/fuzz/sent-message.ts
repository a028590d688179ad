import { createHash } from "node:crypto";
import { defaultRequirements, type InferenceRequested, topics } from "@sluice/contracts";
import type { KafkaUser } from "@sluice/testing";
import { aClassified, anAdmission, aRequest } from "@sluice/testing/fixtures";
import type { Draft, HeaderChange } from "./messages.ts";

/** The header with a message's number, which its dead letter keeps. A response has the number as correlation id. */
export const numberHeader = "fuzz-number";

type Headers = Record<string, string | Buffer | (string | Buffer)[]>;

export interface SentMessage {
  readonly number: number;
  /** The request id, unless the draft sets another. */
  readonly requestId: string;
  readonly draft: Draft;
  readonly value: Buffer;
  readonly headers: Headers;
  readonly key: string;
}

/** Makes the bytes and headers of a draft. The signature is valid unless the draft says otherwise. */
export async function sentMessageOf(
  user: KafkaUser,
  run: string,
  number: number,
  draft: Draft,
): Promise<SentMessage> {
  const requestId = requestIdOf(run, number);
  const value = await valueOf(user, requestId, draft);
  const isSigned = !("signed" in draft) || draft.signed;
  const issuedAt = draft.kind === "issued-at" ? draft.text : undefined;
  const own = { "correlation-id": String(number), [numberHeader]: String(number) };
  const signed = isSigned ? value : Buffer.from("other");
  const headers: Headers = { ...user.signatureOf(signed, issuedAt, own), ...own };
  if (draft.kind === "headers") for (const change of draft.changes) applyChange(headers, change);
  return { number, requestId, draft, value, headers, key: String(number) };
}

/** Returns a hash, because flipped bits cannot turn one hash into another. */
function requestIdOf(run: string, number: number): string {
  return createHash("sha256").update(`${run} ${number}`).digest("hex").slice(0, 24);
}

/** Makes every body unique, even if drafts set the same id: a repeat with the same body would get no response. */
function requestOf(requestId: string, changes: Partial<InferenceRequested>): InferenceRequested {
  const [message] = aRequest().messages;
  const messages = [{ ...message!, content: `What is ${requestId}?` }];
  const parameters = '{"max_completion_tokens":40}';
  const own = { requestId, messages, parameters, requirements: defaultRequirements };
  return aRequest({ ...own, tags: { number: requestId }, ...changes });
}

async function valueOf(user: KafkaUser, requestId: string, draft: Draft): Promise<Buffer> {
  switch (draft.kind) {
    case "bytes":
      return draft.bytes;
    case "another-record":
      return anotherRecord(user, draft.which, draft.renamed);
    case "torn": {
      const whole = await user.encode(
        topics.inferenceRequested,
        requestOf(requestId, draft.changes),
      );
      const bytes = Buffer.from(whole.subarray(0, Math.ceil(whole.length * draft.keep)));
      for (const [at, bits] of draft.flips) bytes[at % bytes.length]! ^= bits;
      return bytes;
    }
    case "schema-id": {
      const whole = await user.encode(topics.inferenceRequested, requestOf(requestId, {}));
      const bytes = Buffer.from(whole);
      bytes.writeUInt32BE(draft.id, 1);
      return bytes;
    }
    case "hostile":
      return user.encode(topics.inferenceRequested, requestOf(requestId, draft.changes));
    case "good":
    case "headers":
    case "issued-at":
      return user.encode(topics.inferenceRequested, requestOf(requestId, {}));
    default:
      return draft satisfies never;
  }
}

/** Returns another record, with its own schema id or with that of the request. */
async function anotherRecord(user: KafkaUser, which: number, renamed: boolean): Promise<Buffer> {
  const bytes =
    which % 2 === 0
      ? await user.encode(topics.inferenceAdmitted, anAdmission())
      : await user.encode(topics.inferenceClassified, aClassified());
  if (!renamed) return bytes;
  const right = await user.encode(topics.inferenceRequested, aRequest());
  return Buffer.concat([right.subarray(0, 5), bytes.subarray(5)]);
}

function applyChange(headers: Headers, change: HeaderChange): void {
  const { name } = change;
  const right = headers[name];
  if (change.kind === "missing") delete headers[name];
  else if (change.kind === "empty") setHeader(headers, name, "");
  else if (change.kind === "set") setHeader(headers, name, change.value);
  else if (change.kind === "twice" && typeof right === "string")
    setHeader(headers, name, change.rightIsLast ? ["wrong", right] : [right, "wrong"]);
}

/** Sets a header, even if its name is a member of every object, such as `__proto__`. */
function setHeader(headers: Headers, name: string, value: Headers[string]): void {
  Object.defineProperty(headers, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
