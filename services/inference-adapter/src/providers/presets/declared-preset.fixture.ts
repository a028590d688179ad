import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { InferenceRequested, Message } from "@sluice/contracts";
import { FileDeclarations, parseDeclarations, type PresetName } from "@sluice/declarations";
import { SystemClock } from "@sluice/domain";
import { aMessage, aRequest } from "@sluice/testing/fixtures";
import { endpointsOf, providerOf } from "../declared-endpoints.ts";
import { aCandidate } from "../../attempt/dispatched.fixture.ts";
import type { AnswerPart } from "../answer/answer-part.ts";
import type { Provider, ProviderEnd } from "../provider.ts";

/** What the provider answers. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is a stream of events, and everything else the JSON of a document. */
  readonly body: string | object;
}

export interface Sent {
  readonly parameters?: object;
  readonly messages?: readonly Partial<Message>[];
  readonly stream?: boolean;
  /** Makes the request one for embeddings. */
  readonly inputs?: readonly string[];
}

/** A call: what the provider received, and what the adapter made of its answer. */
export interface Exchange {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  readonly end: ProviderEnd;
  readonly parts: readonly AnswerPart[];
}

const key = "sk-of-the-preset";
const timeouts = { connectMs: 2_000, silenceMs: 2_000, beginMs: 2_000 };
const price = "effectiveFrom: 2026-01-01, input: 1, cacheWrite: 1.25, output: 2";

/** A provider that is declared by its preset, at the address of a server of the test with the path of the preset. */
export class DeclaredPreset {
  /** As the preset has it. */
  readonly baseUrl: string;
  readonly key = key;
  readonly #server: Server;
  readonly #provider: Provider;
  #received: Pick<Exchange, "path" | "headers" | "body"> | undefined;
  #reply: Reply = { body: {} };

  private constructor(preset: PresetName, server: Server) {
    this.#server = server;
    this.baseUrl = declared(preset, "").providers()[0]?.baseUrl ?? "";
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
    const { port } = server.address() as AddressInfo;
    const here = `http://127.0.0.1:${port}${new URL(this.baseUrl).pathname}`;
    const declarations = declared(preset, `baseUrl: "${here}"`);
    this.#provider = providerOf(endpointsOf(declarations), timeouts, new SystemClock());
    server.on("request", async (request, response) => {
      const { url = "", headers } = request;
      this.#received = { path: url, headers, body: JSON.parse(await text(request)) };
      const { status = 200, headers: more, body } = this.#reply;
      const isStream = typeof body === "string";
      const type = isStream ? "text/event-stream" : "application/json";
      response.writeHead(status, { "content-type": type, ...more });
      response.end(isStream ? body : JSON.stringify(body));
    });
  }

  static async start(preset: PresetName): Promise<DeclaredPreset> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new DeclaredPreset(preset, server);
  }

  /** Sends a request through the adapter of the preset's protocol. */
  async call(body: Reply["body"] | Reply, sent: Sent = {}): Promise<Exchange> {
    this.#reply = isReply(body) ? body : { body };
    this.#received = undefined;
    const { stream = false, inputs } = sent;
    const request = requestOf(sent);
    const model = inputs ? "served-embeddings" : "served-chat";
    const candidate = aCandidate({ provider: "p", model });
    const parts: AnswerPart[] = [];
    const end = await this.#provider.call(
      {
        ...{ provider: "p", model, keyIndex: 0, attemptId: crypto.randomUUID(), trace: {} },
        operation: request.operation,
        body: this.#provider.bodyOf(request, candidate, stream),
        ...{ stream, answers: inputs?.length ?? 1, signal: new AbortController().signal },
      },
      (more) => void parts.push(...more),
    );
    const nothing = { path: "", headers: {}, body: {} };
    return { ...(this.#received ?? nothing), end, parts };
  }

  async stop(): Promise<void> {
    this.#provider.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function isReply(given: Reply["body"] | Reply): given is Reply {
  return typeof given === "object" && "body" in given;
}

function requestOf({ parameters = {}, messages = [{}], inputs }: Sent): InferenceRequested {
  return aRequest({
    parameters: JSON.stringify(parameters),
    ...(inputs
      ? { operation: "embeddings", messages: [], inputs }
      : { messages: messages.map((message) => aMessage({ content: "6 times 7?", ...message })) }),
  });
}

function declared(preset: PresetName, ofProvider: string): FileDeclarations {
  const model = (id: string, more: string) =>
    `  - { id: ${id}, model: served-${id}, provider: p, tier: economy, contextWindow: 9000, prices: [{ ${price} }], ${more} }`;
  const models = [
    model("chat", ""),
    ...(preset === "anthropic" ? [] : [model("embeddings", "dimensions: 2")]),
  ];
  const parsed = parseDeclarations(`
tenants:
  - id: acme
providers:
  - { id: p, preset: ${preset}, keys: ["env:KEY"], ${ofProvider} }
models:
${models.join("\n")}
`);
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.errors));
  return new FileDeclarations(parsed.declared, ".", { KEY: key });
}

/** Returns the text of a stream of events, as OpenAI's API and its imitations send it. */
export function eventsOf(...chunks: readonly object[]): string {
  const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
  return `${events.join("")}data: [DONE]\n\n`;
}
