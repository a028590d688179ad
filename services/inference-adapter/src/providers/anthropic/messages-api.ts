import type Anthropic from "@anthropic-ai/sdk";

/**
 * The body of `POST /v1/messages`, and its parts, in the types of Anthropic's own client. The client no longer knows the
 * first two members, which only an earlier version of the API takes.
 */
export interface MessagesBody extends Omit<Anthropic.MessageCreateParamsNonStreaming, "stream"> {
  temperature?: number;
  top_p?: number;
  stream?: boolean;
}
export type Turn = Anthropic.UserMessageParam | Anthropic.AssistantMessageParam;
export type Block = Anthropic.ContentBlockParam;
export type TextBlock = Anthropic.TextBlockParam;
export type ImageBlock = Anthropic.ImageBlockParam;
export type Tool = Anthropic.Tool;
export type ToolChoice = Anthropic.ToolChoice;
export type CacheControl = Anthropic.CacheControlEphemeral;

/** The members that decide how an answer is drawn, in which form, and where it ends. */
export type Sampling = Pick<
  MessagesBody,
  "temperature" | "top_p" | "stop_sequences" | "metadata" | "output_config"
>;
