import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as textOf } from "node:stream/consumers";

export interface CohereServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a server of Cohere's chat that follows those markers in a prompt which the contract uses. */
export async function startCohereServer(): Promise<CohereServer> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const words = ["The", " Nile", " is", " a", " long", " river", " in", " Africa", "."];
const usage = { tokens: { input_tokens: 7, output_tokens: words.length } };

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await textOf(request);
  const [, fault, setting] = /\[\[fault:(\S+?)(?: [\w-]+=(\d+))?\]\]/.exec(body) ?? [];
  if (fault === "429") return refuse(response, 429, { "retry-after": setting ?? "1" });
  if (fault === "500") return refuse(response, 500);
  if (fault === "hang" || fault === "timeout-after-billing") return;
  const isStreamed = body.includes('"stream":true');
  if (isStreamed) return stream(response, fault === "cut-stream" ? Number(setting) : undefined);
  const message = { role: "assistant", content: [{ type: "text", text: words.join("") }] };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ id: "c", finish_reason: "COMPLETE", message, usage }));
}

function refuse(response: ServerResponse, status: number, headers = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ message: "not now" }));
}

function stream(response: ServerResponse, cutAfter: number | undefined): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  send(response, { type: "message-start", id: "c" });
  for (const text of words.slice(0, cutAfter))
    send(response, { type: "content-delta", index: 0, delta: { message: { content: { text } } } });
  if (cutAfter !== undefined) return void setTimeout(() => response.destroy(), 30);
  send(response, { type: "message-end", delta: { finish_reason: "COMPLETE", usage } });
  response.end("data: [DONE]\n\n");
}

function send(response: ServerResponse, event: Readonly<Record<string, unknown>>): void {
  response.write(`event: ${String(event["type"])}\ndata: ${JSON.stringify(event)}\n\n`);
}
