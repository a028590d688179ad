import { silentLogger } from "@sluice/stage";
import { randomUUID } from "node:crypto";
import { replayHeaders, replayHeadersOf, signatureHeaders, signatureOf } from "@sluice/contracts";
import { aRequest } from "@sluice/testing/fixtures";
import fc from "fast-check";
import { ApiKeys } from "../admission/api-keys.ts";
import { someDeclarations } from "../declarations.fixture.ts";
import { checkMessage, signerOf } from "./intake-check.ts";

type Headers = Readonly<Record<string, string>>;

/** What a producer may know of a message: its own headers, and those of a replay that it has recorded. */
export interface Recording {
  /** The signature of the message that is sent again. It is valid, and too old. */
  readonly own: Headers;
  /** A valid replay of another message, with the secret of the installation. */
  readonly replayOfOther: Headers;
  /** A valid replay of the same message that is older than five minutes. */
  readonly oldReplay: Headers;
}

const numbers = fc.oneof(
  fc.constantFrom(
    "",
    "-1",
    "0",
    " 1",
    "1e13",
    "NaN",
    "9".repeat(15),
    "9".repeat(400),
    "0x10",
    "１",
  ),
  fc.integer({ min: -10, max: 10_000 }).map(String),
);
const now = () => String(Date.now());
const positions = fc
  .tuple(
    fc.constantFrom("inference.requested", "inference.requested.dead-letter", "cost.metered", ""),
    numbers,
    numbers,
  )
  .map((fields) => fields.join("/"));
const hex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString("hex"));
const deadLetterHeaders = fc.dictionary(
  fc
    .constantFrom("code", "stage", "topic", "partition", "offset", "at", "x", "")
    .map((name) => `dead-letter-${name}`),
  fc.oneof(numbers, fc.constantFrom("inference.requested", "REPLAYED")),
);
const changes = fc.record(
  {
    [replayHeaders.position]: positions,
    [replayHeaders.at]: fc.oneof(numbers, fc.constant("now")),
    [replayHeaders.signature]: fc.oneof(hex, fc.constantFrom("", "0", "null")),
  },
  { requiredKeys: [] },
);
const forgery = fc.record({
  base: fc.constantFrom("nothing", "replayOfOther", "oldReplay", "ownSecret"),
  deadLetterHeaders,
  changes,
  /** Puts the sender's own signature in the place of the operator's. */
  borrows: fc.boolean(),
});

/**
 * Returns headers by which a producer without the replay secret tries to make an old message count as a
 * replay. The same seed returns the same forgeries of a recording.
 *
 * @param ownSecret the secret of the producer's key
 */
function forgedReplays(
  { own, replayOfOther, oldReplay }: Recording,
  { topicPrefix, ownSecret }: { readonly topicPrefix: string; readonly ownSecret: string },
  count: number,
  seed: number,
): readonly Headers[] {
  const position = "inference.requested/0/0";
  const message = { topicPrefix, headers: own };
  const bases = {
    nothing: {},
    replayOfOther,
    oldReplay,
    ownSecret: replayHeadersOf(message, position, ownSecret, Date.now()),
  };
  return fc.sample(forgery, { numRuns: count, seed }).map((drawn) => {
    const changed: Record<string, string> = { ...bases[drawn.base], ...drawn.changes };
    if (changed[replayHeaders.at] === "now") changed[replayHeaders.at] = now();
    if (drawn.borrows && drawn.base !== "replayOfOther")
      changed[replayHeaders.signature] = own[signatureHeaders.signature]!;
    return { ...drawn.deadLetterHeaders, ...changed, ...own };
  });
}

/** Sends forged replays to the check of intake, and returns those that it would admit. */
export function acceptedForgeries(count: number, seed: number): readonly Headers[] {
  const installation = { topicPrefix: "prod.", replaySecret: randomUUID() };
  const declarations = someDeclarations();
  const keys = new ApiKeys(declarations, silentLogger);
  const appendedAt = Date.now();
  const twoDaysAgo = appendedAt - 48 * 60 * 60_000;
  const { topicPrefix, replaySecret } = installation;
  const topic = "inference.requested";
  const value = Buffer.from("the bytes of the record");
  const signed = (text: string) => {
    const unsigned = { topicPrefix, topic, keyId: "k1", issuedAt: String(twoDaysAgo), headers: {} };
    return {
      [signatureHeaders.keyId]: "k1",
      [signatureHeaders.issuedAt]: unsigned.issuedAt,
      [signatureHeaders.signature]: signatureOf(
        { ...unsigned, value: Buffer.from(text) },
        "one-secret-of-search",
      ),
    };
  };
  const own = signed(value.toString());
  const replayOf = (headers: Headers, at: number) =>
    replayHeadersOf({ topicPrefix, headers }, "inference.requested/0/1", replaySecret, at);
  const recording = {
    own,
    replayOfOther: replayOf(signed("other bytes"), appendedAt),
    oldReplay: replayOf(own, appendedAt - 6 * 60_000),
  };
  const owner = { topicPrefix, ownSecret: "one-secret-of-search" };
  return forgedReplays(recording, owner, count, seed).filter((forged) => {
    const headers = Object.fromEntries(
      Object.entries(forged).map(([name, text]) => [name, Buffer.from(text)]),
    );
    const message = { record: aRequest(), topic, value, headers, appendedAt };
    const signer = signerOf(message, keys, installation);
    if (signer.kind !== "signer")
      throw new Error("A forgery must keep the signature of its sender.");
    const attributionSecret = randomUUID();
    const context = { declarations, attributionSecret, now: appendedAt };
    const check = checkMessage(message, signer, context);
    return check.kind !== "candidate" || !check.candidate.isStale;
  });
}
