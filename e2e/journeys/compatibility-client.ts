import { controlSimulator, type Pipeline, type SimulatorAccess } from "@sluice/testing";
import OpenAI from "openai";
import { ChatCompletionStream } from "openai/lib/ChatCompletionStream";
import type { Parameters } from "./compatibility-cases.ts";

export interface ChatRequest extends Parameters {
  readonly model?: string;
  readonly messages: OpenAI.ChatCompletionMessageParam[];
}

export interface ChatResult {
  readonly completion: OpenAI.ChatCompletion;
  readonly headers: Headers;
  /** The result of the response cache: exact, miss or bypass. */
  readonly cache: string | null;
  /** All chunks of a streamed answer; empty for a whole answer. */
  readonly chunks: readonly OpenAI.ChatCompletionChunk[];
}

/** A recorded call as the provider received it, and the number of such calls. */
export interface ProviderCall {
  readonly calls: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Returns a question that makes the simulator record the call under a name. */
export function questionOf(name: string, more = ""): OpenAI.ChatCompletionMessageParam[] {
  return [{ role: "user", content: `What about ${name}? [[record:${name}]] ${more}`.trim() }];
}

/** Sends questions with the official client, which has only another base URL and key. */
export class CompatibilityClient {
  readonly openai: OpenAI;
  readonly #simulator: SimulatorAccess;

  constructor(pipeline: Pipeline) {
    const baseURL = `${pipeline.http}/v1`;
    this.openai = new OpenAI({ baseURL, apiKey: pipeline.demoKey, maxRetries: 0 });
    this.#simulator = pipeline.simulator;
  }

  async whole(
    request: ChatRequest,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ChatResult> {
    const call = this.openai.chat.completions.create({ model: "economy", ...request }, { headers });
    const { data, response } = await call.withResponse();
    return resultOf(data, response.headers, []);
  }

  /** Streams an answer. The official client's helper combines its chunks. */
  async streamed(
    request: ChatRequest,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ChatResult> {
    const call = this.openai.chat.completions.create(
      { model: "economy", stream_options: { include_usage: true }, ...request, stream: true },
      { headers },
    );
    const { data, response } = await call.withResponse();
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    const runner = ChatCompletionStream.fromReadableStream(data.toReadableStream());
    runner.on("chunk", (chunk) => chunks.push(chunk));
    return resultOf(await runner.finalChatCompletion(), response.headers, chunks);
  }

  /** Returns the last call that was recorded under the name. */
  callAtProvider(name: string): Promise<ProviderCall> {
    return recordedCall(this.#simulator, name);
  }
}

/** Returns the last call that was recorded under the name. */
export async function recordedCall(
  simulator: SimulatorAccess,
  name: string,
): Promise<ProviderCall> {
  const response = await controlSimulator(simulator, `/calls/${encodeURIComponent(name)}`);
  if (!response.ok) throw new Error(`No call was recorded as "${name}" (${response.status}).`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the simulator's own form
  return (await response.json()) as ProviderCall;
}

function resultOf(
  completion: OpenAI.ChatCompletion,
  headers: Headers,
  chunks: readonly OpenAI.ChatCompletionChunk[],
): ChatResult {
  return { completion, headers, cache: headers.get("x-sluice-cache"), chunks };
}
