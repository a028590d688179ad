import type { AnswerStream } from "./send-stream.ts";

/** The empty lines that DeepSeek sends before an answer in one piece, by its page "Rate Limit". */
export const blankLines = "\n\n\n";

/** Returns a stream with a text at once and before each of its parts, such as a comment that keeps a connection alive. */
export function withHeartbeats(stream: AnswerStream, beat: string): AnswerStream {
  return {
    ...stream,
    prelude: beat,
    parts: stream.parts.map((part) => ({ ...part, text: `${beat}${part.text}` })),
    closing: stream.closing === null ? null : `${beat}${stream.closing}`,
  };
}
