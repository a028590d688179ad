import type { Answer } from "../answers/answer.ts";
import { withHeartbeats } from "../answers/heartbeats.ts";
import type { AnswerStream, StreamPart } from "../answers/send-stream.ts";
import type { BilledUsage } from "../bill/usage.ts";
import { earlyEndOf } from "../faults/early-end.ts";
import type { ChatCall } from "./chat-call.ts";
import { ChunkWriter, piecesOf, thoughtsOf, type CompletionHead, type Piece } from "./wire.ts";
import { reportedIn } from "./wire-form.ts";

/** What keeps the connection alive: comments of OpenRouter and of Starlette, and an event without data. */
const heartbeat = ": OPENROUTER PROCESSING\n\n: ping - 2026-01-01\n\ndata:\n\n";

/** Returns the stream of the answers to a call. */
export function streamOf(
  { call, request, profile, fault }: ChatCall,
  head: CompletionHead,
  answers: readonly Answer[],
  usage: BilledUsage,
): AnswerStream {
  const early = earlyEndOf(fault, "chat", usage.outputTokens);
  const chunks = new ChunkWriter(head, answers, request.includeUsage, profile.reportsUsage);
  const pieces = [
    ...piecesOf(thoughtsOf(head, answers), profile.tokensPerChunk, Infinity, "thought"),
    ...piecesOf(
      answers.map(({ tokens }) => tokens),
      profile.tokensPerChunk,
      early?.afterTokens ?? Infinity,
      "text",
    ),
  ];
  const stream: AnswerStream = {
    call,
    usage,
    prelude: "",
    opening: chunks.opening(reportedIn(head.form, { ...usage, ...nothingSent })),
    parts: partsOf(pieces, chunks, head, usage),
    choices: Math.max(1, answers.length),
    closing: early ? early.closing : chunks.closing(reportedIn(head.form, usage)),
    reason: early?.reason ?? "answered",
  };
  return fault?.kind === "heartbeats" ? withHeartbeats(stream, heartbeat) : stream;
}

const nothingSent = { outputTokens: 0, reasoningTokens: 0 };

/**
 * Returns the parts of a stream. Hidden reasoning precedes the first token, and is billed as soon as this token was
 * sent. Shown reasoning is billed as it is sent.
 */
function partsOf(
  pieces: readonly Piece[],
  chunks: ChunkWriter,
  head: CompletionHead,
  usage: BilledUsage,
): readonly StreamPart[] {
  let sent = nothingSent;
  return pieces.map((piece, at) => {
    const tokens = piece.tokens.length;
    const hidden = at === 0 ? usage.reasoningTokens : 0;
    const [outputTokens, reasoningTokens] =
      piece.kind === "thought" ? [0, tokens] : [tokens, hidden];
    sent = {
      outputTokens: sent.outputTokens + outputTokens,
      reasoningTokens: sent.reasoningTokens + reasoningTokens,
    };
    const text = chunks.piece(piece, reportedIn(head.form, { ...usage, ...sent }));
    return { text, outputTokens, reasoningTokens };
  });
}
