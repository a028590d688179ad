import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError, badRequest } from "./api-error.ts";
import { Bill } from "./bill/bill.ts";
import type { BillJournal } from "./bill/bill-journal.ts";
import { attemptViewOf, billViewOf } from "./bill/bill-view.ts";
import { Chat } from "./chat/chat.ts";
import { parseChatRequest } from "./chat/chat-request.ts";
import { inputDigestOf, inputTextOf } from "./embeddings/embedding.ts";
import { parseEmbeddingRequest } from "./embeddings/embedding-request.ts";
import { Embeddings } from "./embeddings/embeddings.ts";
import { BreakpointCache } from "./messages/breakpoint-cache.ts";
import { errorEnvelopeOf } from "./messages/error-envelope.ts";
import { Messages } from "./messages/messages.ts";
import { parseMessagesRequest } from "./messages/messages-request.ts";
import { readHeaders } from "./messages/request-headers.ts";
import { authoriseControl, equalInConstantTime, isProviderPath } from "./control-access.ts";
import { FaultPlan, type CallFacts } from "./faults/fault-plan.ts";
import { MalformedFault, type Fault } from "./faults/faults.ts";
import { servedModels, type ModelInterface, type ModelProfile } from "./models.ts";
import { PromptCache } from "./chat/prompt-cache.ts";
import { promptDigestOf, promptTextOf } from "./chat/prompt.ts";
import { recordNameIn } from "./faults/prompt-markers.ts";
import { RecordedCalls } from "./recorded-calls.ts";
import { digestOf } from "./seeded.ts";
import { readJson } from "./request-body.ts";
import { emptyScript, parseScript, type Script } from "./faults/script.ts";
import type { CountTexts } from "./vocabulary.ts";

export interface SimulatorOptions {
  readonly key: string | undefined;
  readonly controlKey: string | undefined;
  readonly speed: number;
  readonly script: Script;
  readonly journal: BillJournal;
  readonly countTexts: CountTexts;
}

const messagesPath = "/v1/messages";

/** The routes of the simulated provider, and those that tests use to read its bill and to script its faults. */
export class Simulator {
  readonly #options: SimulatorOptions;
  readonly #bill: Bill;
  readonly #promptCache = new PromptCache();
  readonly #breakpointCache = new BreakpointCache();
  readonly #faults = new FaultPlan();
  readonly #recorded = new RecordedCalls();
  readonly #chat: Chat;
  readonly #embeddings: Embeddings;
  readonly #messages: Messages;

  constructor(options: SimulatorOptions) {
    this.#options = options;
    const { countTexts, speed } = options;
    this.#bill = new Bill(options.journal);
    this.#chat = new Chat(this.#bill, this.#promptCache, countTexts, speed);
    this.#embeddings = new Embeddings(this.#bill, countTexts, speed);
    this.#messages = new Messages(this.#bill, this.#breakpointCache, countTexts, speed);
    this.#faults.use(options.script);
  }

  /** Answers any request. A failure is answered with the error envelope of the route's provider. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // If the client disconnects during a write, the "close" event reports it. The error needs no handling of its own.
    response.on("error", () => undefined);
    response.setHeader("x-simulated", "true");
    const requestId = `req_simulated_${randomUUID()}`;
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const isMessages = path === messagesPath;
    response.setHeader(isMessages ? "request-id" : "x-request-id", requestId);
    try {
      await this.#route(request, response, path);
    } catch (error) {
      const refused = apiErrorOf(error);
      const body = isMessages ? errorEnvelopeOf(refused, requestId) : refused.envelope();
      refuse(response, refused, body);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (!isProviderPath(path)) authoriseControl(request, this.#options.controlKey);
    switch (`${request.method} ${path}`) {
      case "POST /v1/chat/completions":
        this.#authenticate(request);
        return this.#complete(request, response);
      case "POST /v1/embeddings":
        this.#authenticate(request);
        return this.#embed(request, response);
      case `POST ${messagesPath}`:
        return this.#message(request, response);
      case "GET /v1/models":
        this.#authenticate(request);
        return sendJson(response, { object: "list", data: [...servedModels.keys()].map(modelOf) });
      case "GET /healthz":
        return sendJson(response, { status: "ok", simulated: true });
      case "GET /bill":
        return sendJson(response, billViewOf(this.#bill));
      case "DELETE /bill":
        this.#bill.clear();
        this.#promptCache.clear();
        this.#breakpointCache.clear();
        this.#recorded.clear();
        return sendJson(response, { simulated: true, cleared: true });
      case "POST /script":
        this.#faults.use(parseScript(await readJson(request)));
        return sendJson(response, { simulated: true, scripted: true });
      case "DELETE /script":
        this.#faults.use(emptyScript);
        return sendJson(response, { simulated: true, scripted: false });
      default:
        return this.#routeOne(request, response, path);
    }
  }

  /** Handles the routes with a name in the path. */
  #routeOne(request: IncomingMessage, response: ServerResponse, path: string): void {
    const [, resource, name] = /^(\/bill|\/calls|\/v1\/models)\/([^/]+)$/.exec(path) ?? [];
    if (request.method === "GET" && name !== undefined) {
      const decoded = decodeName(name);
      if (resource === "/v1/models") {
        this.#authenticate(request);
        if (servedModels.has(decoded)) return sendJson(response, modelOf(decoded));
        throw unknownModel(decoded);
      }
      if (resource === "/calls") {
        const recorded = this.#recorded.of(decoded);
        if (recorded) return sendJson(response, { simulated: true, ...recorded });
        throw new ApiError(404, `No call was recorded with the name '${decoded}'.`);
      }
      const attempt = this.#bill.attempt(decoded);
      if (attempt) return sendJson(response, attemptViewOf(attempt));
      throw new ApiError(404, `No call had the attempt id '${decoded}'.`);
    }
    throw new ApiError(404, `Unknown request URL: ${request.method} ${path}.`, {
      code: "unknown_url",
    });
  }

  async #complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJson(request);
    const chatRequest = parseChatRequest(body);
    const { model, messages, stream } = chatRequest;
    const profile = this.#profileOf(model, "chat");
    const promptText = promptTextOf(messages);
    const { attemptId, callId } = this.#identifyCall(request, body, promptText);
    const fault = this.#faultOf(request, {
      model,
      stream,
      promptText,
      promptDigest: promptDigestOf(chatRequest),
    });
    const completionId = `chatcmpl-simulated-${callId}`;
    const call = { attemptId, model };
    await this.#chat.answer({ request: chatRequest, call, completionId, profile, fault }, response);
  }

  async #embed(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJson(request);
    const embeddingRequest = parseEmbeddingRequest(body);
    const { model } = embeddingRequest;
    const profile = this.#profileOf(model, "embeddings");
    const dimensions = servedModels.get(model)?.dimensions ?? 0;
    const promptText = inputTextOf(embeddingRequest);
    const { attemptId } = this.#identifyCall(request, body, promptText);
    const promptDigest = inputDigestOf(embeddingRequest);
    const fault = this.#faultOf(request, { model, stream: false, promptText, promptDigest });
    const call = { attemptId, model };
    await this.#embeddings.answer(
      { request: embeddingRequest, call, profile, dimensions, fault },
      response,
    );
  }

  async #message(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { key, version } = readHeaders(request, this.#options.key);
    const body = await readJson(request);
    const messagesRequest = parseMessagesRequest(body, version);
    const { model, stream, promptText, answer } = messagesRequest;
    const profile = this.#profileOf(model, "messages");
    const { attemptId, callId } = this.#identifyCall(request, body, promptText);
    const { promptDigest } = answer;
    const fault = this.#faultOf(request, { model, stream, promptText, promptDigest });
    await this.#messages.answer(
      {
        request: messagesRequest,
        call: { attemptId, model },
        callId,
        profile,
        cacheOwner: digestOf(model, key),
        cachedTokensLeast: servedModels.get(model)?.cachedTokensLeast ?? 0,
        fault,
      },
      response,
    );
  }

  /** @throws ApiError 404 for a model that is not served, 400 for one of another interface */
  #profileOf(model: string, called: ModelInterface): ModelProfile {
    const profile = this.#faults.profileOf(model);
    if (!profile) throw unknownModel(model);
    if (servedModels.get(model)?.interface === called) return profile;
    throw badRequest(`The model '${model}' does not support this operation.`, "model");
  }

  /** Returns the ids of the call. Records the call if its prompt requests it. */
  #identifyCall(
    request: IncomingMessage,
    body: unknown,
    promptText: string,
  ): { readonly attemptId: string; readonly callId: string } {
    const callId = randomUUID();
    const attemptId = headerOf(request, "x-client-request-id") ?? `unnamed-${callId}`;
    const name = recordNameIn(promptText);
    const traceparent = headerOf(request, "traceparent");
    if (name !== null) this.#recorded.add(name, { attemptId, body, traceparent });
    return { attemptId, callId };
  }

  #faultOf(request: IncomingMessage, call: Omit<CallFacts, "header">): Fault | undefined {
    return this.#faults.faultOf({ ...call, header: headerOf(request, "x-simulator-fault") });
  }

  #authenticate(request: IncomingMessage): void {
    const { key } = this.#options;
    if (key === undefined) return;
    const shown = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    if (equalInConstantTime(shown, key)) return;
    throw new ApiError(401, "Incorrect API key provided (simulated).", { code: "invalid_api_key" });
  }
}

function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof MalformedFault)
    return new ApiError(400, error.message, { code: "simulator_fault_malformed" });
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return new ApiError(500, "The simulator has a defect; see its log.", { type: "server_error" });
}

function refuse(response: ServerResponse, error: ApiError, body: object): void {
  if (response.headersSent) return void response.destroy();
  for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
  response.statusCode = error.status;
  sendJson(response, body);
}

function sendJson(response: ServerResponse, body: object): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
}

function modelOf(id: string): object {
  return { id, object: "model", created: 1_767_225_600, owned_by: "sluice-simulator" };
}

function unknownModel(model: string): ApiError {
  const message = `The model '${model}' does not exist or you do not have access to it.`;
  return new ApiError(404, message, { code: "model_not_found", param: "model" });
}

function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === "string" && value !== "" ? value : null;
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw badRequest("The path is not a valid URL.");
  }
}
