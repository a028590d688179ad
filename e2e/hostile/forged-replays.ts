import { randomUUID } from "node:crypto";
import { topics } from "@sluice/contracts";
import type { KafkaUser } from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import * as fc from "fast-check";

export interface ForgedReplay {
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly key: string;
}

const dayMs = 24 * 60 * 60 * 1_000;
const number = fc.oneof(
  fc.nat({ max: 2_000 }).map(String),
  fc.constantFrom("", "-1", "1e3", "0x10", " 1", "9".repeat(30), "NaN", "1.5", "01"),
);
const texts = fc.constantFrom("", "INTAKE_SIGNATURE_STALE", "STAGE_DEFECT", "ingress", "é");
const topicNames = fc.constantFrom(
  topics.inferenceRequested.name,
  `${topics.inferenceRequested.name}.dead-letter`,
  topics.inferenceAdmitted.name,
  "",
);
const letterHeaders = fc
  .record(
    {
      "dead-letter-code": texts,
      "dead-letter-stage": texts,
      "dead-letter-reason": texts,
      "dead-letter-topic": topicNames,
      "dead-letter-partition": number,
      "dead-letter-offset": fc.oneof(number, fc.array(number, { minLength: 2, maxLength: 2 })),
      "dead-letter-at": number,
      "dead-letter-x": texts,
      "dead-letter-replay": fc.oneof(number, topicNames),
      "dead-letter-": texts,
    },
    { requiredKeys: [] },
  )
  .map((headers) => ({ "dead-letter-code": "STAGE_DEFECT", ...headers }));

/** Messages that were signed days ago and claim to be replayed dead letters. */
export async function forgedReplaysOf(
  user: KafkaUser,
  seed: number,
  count: number,
): Promise<readonly ForgedReplay[]> {
  const forged = fc.sample(fc.tuple(letterHeaders, fc.integer({ min: 1, max: 60 })), {
    seed,
    numRuns: count,
  });
  return Promise.all(
    forged.map(async ([headers, hours]) => {
      const request = aRequest({ requestId: randomUUID() });
      const value = await user.encode(topics.inferenceRequested, request);
      const issuedAt = Date.now() - dayMs / 24 - (hours * dayMs) / 24;
      return {
        value,
        headers: { ...user.signatureOf(value, Math.round(issuedAt)), ...headers },
        key: request.requestId,
      };
    }),
  );
}
