import type { Answer } from "@sluice/contracts";
import { dimensionsOf, type EpochMillis, embeddingBytesMax, embeddingOf } from "@sluice/domain";
import type { UnusableCode } from "../../../decide/failure.ts";
import type { ProviderEnd } from "../../provider.ts";
import { reportedUsageOf } from "./usage.ts";
import { readCompletion } from "./wire-completion.ts";

/** The properties of a request for embeddings that the answer must match. */
export interface RequestedEmbeddings {
  readonly count: number;
  /** The number that the client set; undefined if the model decides. */
  readonly dimensions: unknown;
}

/**
 * The fields of an answer that are read. Their types are checked, because a provider may send
 * anything.
 */
interface WireEmbeddings {
  readonly data?: unknown;
}

/**
 * Returns how an answered call for embeddings ended. If an embedding is missing or has another length,
 * the call is unusable: the provider bills it, but it is not clear which input each embedding belongs
 * to.
 */
export function embeddingEndOf(
  wire: unknown,
  requested: RequestedEmbeddings,
  now: EpochMillis,
): ProviderEnd {
  const read: WireEmbeddings = typeof wire === "object" && wire !== null ? wire : {};
  const { origin, usage: wireUsage } = readCompletion(wire);
  const usage = reportedUsageOf(wireUsage);
  const embeddings = embeddingsIn(read.data, requested);
  if (typeof embeddings === "string") return { kind: "unusable", code: embeddings, usage };
  return { kind: "answered", answer: answerOf(origin.model ?? "", embeddings, now), usage };
}

function answerOf(
  providerModel: string,
  embeddings: readonly Uint8Array[],
  now: EpochMillis,
): Answer {
  return {
    choices: [],
    providerModel,
    systemFingerprint: null,
    createdAt: now,
    cut: false,
    embeddings,
  };
}

function embeddingsIn(
  data: unknown,
  { count, dimensions }: RequestedEmbeddings,
): readonly Uint8Array[] | UnusableCode {
  if (!Array.isArray(data) || data.length !== count) return "answer_unusable";
  const placed = new Map(data.map((item: unknown, position) => indexedOf(item, position)));
  const embeddings = Array.from({ length: count }, (_, index) => placed.get(index));
  const size = dimensions ?? (embeddings[0] && dimensionsOf(embeddings[0]));
  if (!embeddings.every((embedding) => embedding !== undefined && isEmbedding(embedding, size)))
    return "answer_unusable";
  const whole = embeddings.filter((embedding) => embedding !== undefined);
  const bytes = whole.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return bytes > embeddingBytesMax ? "answer_too_large" : whole;
}

/** Returns an embedding with its index. Some servers leave the index out and answer in order. */
function indexedOf(item: unknown, position: number): readonly [number, Buffer | undefined] {
  const read: { readonly index?: unknown; readonly embedding?: unknown } =
    typeof item === "object" && item !== null ? item : {};
  const index = typeof read.index === "number" ? read.index : position;
  return [index, bytesOf(read.embedding)];
}

/**
 * Returns the bytes of an embedding. Servers without base64 print numbers, which are exact if
 * printed in full.
 */
function bytesOf(embedding: unknown): Buffer | undefined {
  if (typeof embedding === "string") return Buffer.from(embedding, "base64");
  if (!Array.isArray(embedding)) return undefined;
  const numbers = embedding.filter((number): number is number => typeof number === "number");
  return numbers.length === embedding.length ? embeddingOf(numbers) : undefined;
}

function isEmbedding(embedding: Buffer, dimensions: unknown): boolean {
  if (dimensionsOf(embedding) !== dimensions || !Number.isInteger(dimensions)) return false;
  if (embedding.byteLength === 0) return false;
  for (let at = 0; at < embedding.byteLength; at += 4)
    if (!Number.isFinite(embedding.readFloatLE(at))) return false;
  return true;
}
