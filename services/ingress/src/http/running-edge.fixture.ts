import { connect, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type DynamicModule, Module } from "@nestjs/common";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import { type Completed, type InferenceAdmitted, topics } from "@sluice/contracts";
import { Allowances } from "@sluice/budgets";
import { Declarations } from "@sluice/declarations";
import { Clock, SystemClock } from "@sluice/domain";
import {
  Admissions,
  completedOutcome,
  InMemoryAdmissions,
  InMemoryOutcomes,
  InMemoryRateLimits,
  InMemoryReplies,
  InMemoryRequests,
  Outcomes,
  RateLimits,
  refusedOutcome,
  Replies,
} from "@sluice/request-state";
import { ExactCache, Flights, InMemoryExactCache, InMemoryFlights } from "@sluice/response-cache";
import { EventProducer, InMemoryEventProducer } from "@sluice/stage";
import { LOGGER } from "@sluice/telemetry";
import { aCompletion } from "@sluice/testing/fixtures";
import { Registry } from "prom-client";
import { controllers, httpProviders } from "../app.module.ts";
import { type Config, configSchema } from "../config.ts";
import { someDeclarations } from "../declarations.fixture.ts";
import { tooBusy } from "./api-error.ts";
import { type Arrival, ArrivalQueue } from "./connection/arrival-queue.ts";
import { ADMISSION_PRODUCER } from "./http-admission.ts";
import { createHttp, listenHttp } from "./http.ts";

export const authorization = "Bearer sk-sluice-k1-one-secret-of-search";

/** OpenAI's envelope. */
export type AnswerError = Readonly<Record<"code" | "type" | "param" | "message", string | null>>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined if the body is not an error. */
  readonly error: AnswerError | undefined;
}

@Module({})
class FakesModule {}

/** Runs the real HTTP server of ingress in this process, on fakes of Redis and Kafka. */
export class RunningEdge {
  readonly #clock = new SystemClock();
  readonly #requests = new InMemoryRequests(this.#clock);
  readonly #outcomes = new InMemoryOutcomes(this.#requests);
  readonly producer = new InMemoryEventProducer();
  readonly registry = new Registry();
  /** The messages that were logged as errors or warnings. */
  readonly logged: string[] = [];
  readonly #sockets: Socket[] = [];
  /** The server's ends of the connections. */
  readonly #accepted: Socket[] = [];
  #app!: NestFastifyApplication;
  #port = 0;

  static async start(
    changed: Partial<Config> = {},
    declarations: Declarations = someDeclarations(),
  ): Promise<RunningEdge> {
    const edge = new RunningEdge();
    const config = { ...configSchema.parse(environment), ...changed };
    edge.#app = await createHttp(edge.#module(config, declarations), config);
    await listenHttp(edge.#app, config);
    const server: Server = edge.#app.getHttpServer();
    server.on("connection", (socket) => void edge.#accepted.push(socket));
    edge.#port = Number(new URL(await edge.#app.getUrl()).port);
    return edge;
  }

  #module(config: Config, declarations: Declarations): DynamicModule {
    const note = (_: unknown, message: string) => this.logged.push(message);
    const quiet = () => undefined;
    const logger = { error: note, warn: note, info: quiet, debug: quiet };
    return {
      module: FakesModule,
      controllers,
      providers: [
        ...httpProviders(config),
        { provide: Registry, useValue: this.registry },
        { provide: LOGGER, useValue: logger },
        { provide: Clock, useValue: this.#clock },
        { provide: Declarations, useValue: declarations },
        { provide: Admissions, useValue: new InMemoryAdmissions(this.#requests) },
        { provide: Outcomes, useValue: this.#outcomes },
        { provide: RateLimits, useValue: new InMemoryRateLimits(this.#requests) },
        { provide: Replies, useValue: new InMemoryReplies(this.#requests) },
        { provide: Allowances, useValue: this.#requests.budgets },
        { provide: ExactCache, useValue: new InMemoryExactCache(this.#clock) },
        { provide: Flights, useValue: new InMemoryFlights(this.#clock) },
        { provide: EventProducer, useValue: this.producer },
        { provide: ADMISSION_PRODUCER, useValue: this.producer },
      ],
    };
  }

  async stop(): Promise<void> {
    await this.#app.close();
  }

  /** Makes this process count as too busy for any request. */
  overload(): void {
    const queue = this.#app.get(ArrivalQueue, { strict: false });
    queue.arrive = (arrival) => arrival.refuse(tooBusy());
  }

  /** Lets all requests wait. Returns those that do. */
  holdArrivals(): readonly Arrival[] {
    const held: Arrival[] = [];
    this.#app.get(ArrivalQueue, { strict: false }).arrive = (arrival) => void held.push(arrival);
    return held;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get isListening(): boolean {
    return this.#app.getHttpServer().listening;
  }

  /** The bytes that the server has read from all connections. */
  get bytesRead(): number {
    return this.#accepted.reduce((sum, socket) => sum + socket.bytesRead, 0);
  }

  /** Makes Node report that the request of each open connection has not arrived in time. */
  timeOutRequests(): void {
    const late = Object.assign(new Error("Request timeout"), { code: "ERR_HTTP_REQUEST_TIMEOUT" });
    const server = this.#app.getHttpServer();
    for (const socket of this.#accepted) server.emit("clientError", late, socket);
  }

  /** Closes all connections of this test and stops. */
  async abandon(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.stop();
  }

  /** Opens a connection and sends the given lines and the rest as they are. */
  async open(...lines: readonly string[]): Promise<Socket> {
    const socket = connect(this.#port, "127.0.0.1").on("error", () => undefined);
    this.#sockets.push(socket);
    await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
    socket.write(lines.join("\r\n"));
    return socket;
  }

  /** Sends a POST with its body, and returns the connection. */
  async post(path: string, body: object, headers: readonly string[] = []): Promise<Socket> {
    const json = JSON.stringify(body);
    return this.open(...headOf(path, Buffer.byteLength(json), headers), "", json);
  }

  /** Begins a POST whose body has `length` bytes, of which only a few are sent. */
  async upload(length: number, headers: readonly string[] = []): Promise<Socket> {
    return this.open(...headOf("/v1/chat/completions", length, headers), "", '{"model":');
  }

  /** Sends a chat with Node's own client, and returns the response with its JSON. */
  async fetchChat(
    body: object | string | Uint8Array<ArrayBuffer>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const isBytes = typeof body === "string" || body instanceof Uint8Array;
    return this.fetch("/v1/chat/completions", {
      method: "POST",
      headers: { authorization, "content-type": "application/json", ...headers },
      body: isBytes ? body : JSON.stringify(body),
    });
  }

  async fetch(path: string, options: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.url + path, options);
    const body = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") && body !== "";
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- OpenAI's envelope, if it is an error
    const parsed = (isJson ? JSON.parse(body) : {}) as { readonly error?: AnswerError };
    return { status: response.status, headers: response.headers, text: body, error: parsed.error };
  }

  /** Returns the requests that were admitted. */
  get admitted(): readonly InferenceAdmitted[] {
    return this.producer.records
      .filter(({ topic }) => topic.name === topics.inferenceAdmitted.name)
      .map(({ record }) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the topic's type says so
        return record as InferenceAdmitted;
      });
  }

  /** Completes every request that was published and has no outcome. */
  async answerAll(changed: Partial<Completed> = {}): Promise<void> {
    const ended = { attempts: 1, lookup: null, decisions: [], completedAt: this.#clock.now() };
    for (const admitted of this.admitted) {
      const outcome = completedOutcome(admitted, { completed: aCompletion(changed), ...ended });
      await this.#outcomes.claim([outcome], "decision");
    }
  }

  /** Ends every request that was published and has no outcome without an answer. */
  async failAll(code: string): Promise<void> {
    const ended = { attempts: 1, lookup: null, decisions: [], completedAt: this.#clock.now() };
    for (const admitted of this.admitted) {
      const failed = { kind: "failed", code, reason: "As the test wants it.", ...ended } as const;
      await this.#outcomes.claim([refusedOutcome(admitted, failed)], "decision");
    }
  }

  /** Returns the value of a metric without labels, or the sum over all of them. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { values = [] } = (await this.registry.getSingleMetric(name)?.get()) ?? {};
    const isAsked = (own: Readonly<Partial<Record<string, string | number>>>) =>
      Object.entries(labels).every(([label, value]) => own[label] === value);
    return values.reduce((sum, each) => (isAsked(each.labels) ? sum + each.value : sum), 0);
  }
}

const environment = {
  SLUICE_ATTRIBUTION_SECRET: "a".repeat(32),
  SLUICE_KAFKA_BROKERS: "127.0.0.1:9",
  SLUICE_REGISTRY_URL: "http://127.0.0.1:9",
  SLUICE_REDIS_URL: "redis://127.0.0.1:9",
  SLUICE_CACHE_REDIS_URL: "redis://127.0.0.1:9",
  SLUICE_CONFIG: "sluice.yaml",
  SLUICE_HTTP_PORT: "0",
};

export function headOf(
  path: string,
  length: number,
  headers: readonly string[],
): readonly string[] {
  return [
    `POST ${path} HTTP/1.1`,
    "host: edge",
    "content-type: application/json",
    `content-length: ${length}`,
    ...headers,
  ];
}

/** Reads what the server sends until it closes the connection. */
export async function closedText(socket: Socket): Promise<string> {
  return text(socket);
}

/** Resolves when the server has closed the connection. A paused socket is not read to its end. */
export async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  await new Promise((resolve) => socket.once("close", resolve));
}
