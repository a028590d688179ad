import type { Pipeline } from "@sluice/testing";
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
  /** What the response cache said: exact, miss or bypass. */
  readonly cache: string | null;
  /** Of a streamed answer, all of them; of a whole one none. */
  readonly chunks: readonly OpenAI.ChatCompletionChunk[];
}

/** A call as it arrived at the provider. */
export interface ProviderCall {
  readonly calls: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A question that the provider records under a name. */
export function questionOf(name: string, more = ""): OpenAI.ChatCompletionMessageParam[] {
  return [{ role: "user", content: `What about ${name}? [[record:${name}]] ${more}`.trim() }];
}

/** The official client, unchanged but for base URL and key, asking whole and streamed alike. */
export class CompatibilityClient {
  readonly openai: OpenAI;
  readonly #simulator: string;

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

  /** Put together from its chunks by the client's own helper. */
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

  /** The last call that asked to be recorded under the name. */
  callAtProvider(name: string): Promise<ProviderCall> {
    return recordedCall(this.#simulator, name);
  }
}

/** The last call that asked to be recorded under the name. @param simulator base address */
export async function recordedCall(simulator: string, name: string): Promise<ProviderCall> {
  const response = await fetch(`${simulator}/calls/${encodeURIComponent(name)}`);
  if (!response.ok) throw new Error(`Nothing arrived as '${name}' (${response.status}).`);
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
