import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { type Load, type LoadResult, placeholder } from "./load.ts";
import { type RawResponse, ResponseReader } from "./response-reader.ts";
import { dueBy, startMsOf } from "./schedule.ts";

const tickMs = 1;

interface Connection {
  readonly socket: Socket;
  readonly reader: ResponseReader;
  /** The request that waits for its answer on this socket; -1 if the socket is idle. */
  index: number;
}

/**
 * Generates load in an open loop: each request starts at its scheduled time, even if earlier ones have no
 * answer yet, and its latency counts from that time. It uses raw sockets, because it shares the cores with
 * the servers that it measures and must use little CPU.
 */
export class Generator {
  private readonly load: Load;
  private readonly template: Buffer;
  private readonly numberAt: number;
  private readonly latenciesMs: Float64Array;
  private readonly failures: Record<string, number> = {};
  private readonly idle: Connection[] = [];
  private readonly connections = new Set<Connection>();
  private readonly waiting: number[] = [];
  private readonly startedAt = performance.now();
  private readonly finish = Promise.withResolvers<void>();
  private begun = 0;
  private ended = 0;
  private socketsPeak = 0;
  private lastAnswerMs = 0;
  private sample: RawResponse | undefined;

  constructor(load: Load) {
    this.load = load;
    this.template = Buffer.from(load.request);
    this.numberAt = this.template.indexOf(placeholder);
    this.latenciesMs = new Float64Array(load.schedule.count).fill(Number.POSITIVE_INFINITY);
  }

  /** Sends all requests. Resolves when each has its answer, or `graceMs` after the last scheduled start. */
  async run(): Promise<LoadResult> {
    const { schedule, graceMs } = this.load;
    const ticks = setInterval(() => this.beginDue(), tickMs);
    this.beginDue();
    const limitMs = startMsOf(schedule, schedule.count) + graceMs;
    const limit = setTimeout(() => this.finish.resolve(), limitMs);
    await this.finish.promise;
    clearInterval(ticks);
    clearTimeout(limit);
    const unanswered = schedule.count - this.ended;
    if (unanswered > 0) this.failures["unanswered"] = unanswered;
    // Answers and errors that arrive from now on must not be counted.
    for (const { socket } of this.connections)
      socket.removeAllListeners().on("error", ignore).destroy();
    return {
      latenciesMs: this.latenciesMs,
      failures: this.failures,
      elapsedMs: this.lastAnswerMs,
      socketsPeak: this.socketsPeak,
      sample: this.sample ? textOf(this.sample) : null,
    };
  }

  private beginDue(): void {
    const due = dueBy(this.load.schedule, performance.now() - this.startedAt);
    while (this.begun < due) this.begin(this.begun++);
  }

  private begin(index: number): void {
    const connection = this.idle.pop() ?? this.open();
    if (connection) this.send(connection, index);
    else this.waiting.push(index);
  }

  private open(): Connection | undefined {
    if (this.connections.size >= this.load.socketsMax) return undefined;
    const socket = connect({ port: this.load.port, host: "127.0.0.1", noDelay: true });
    const connection: Connection = { socket, reader: new ResponseReader(), index: -1 };
    this.connections.add(connection);
    this.socketsPeak = Math.max(this.socketsPeak, this.connections.size);
    socket.on("data", (bytes) => this.receive(connection, bytes));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      this.onLost(connection, error.code ?? "error"),
    );
    socket.on("close", () => this.onLost(connection, "closed"));
    return connection;
  }

  private send(connection: Connection, index: number): void {
    connection.index = index;
    connection.socket.write(this.numberAt < 0 ? this.template : this.numbered(index));
  }

  private numbered(index: number): Buffer {
    const bytes = Buffer.from(this.template);
    const number = String(this.load.firstNumber + index).padStart(placeholder.length, "0");
    bytes.write(number, this.numberAt, "latin1");
    return bytes;
  }

  private receive(connection: Connection, bytes: Buffer): void {
    const response = connection.reader.push(bytes);
    if (!response) return;
    const { index } = connection;
    connection.index = -1;
    if (response.status === 200) {
      this.lastAnswerMs = performance.now() - this.startedAt;
      this.latenciesMs[index] = this.lastAnswerMs - startMsOf(this.load.schedule, index);
      this.sample = response;
      this.end();
    } else {
      this.fail(String(response.status));
    }
    const next = this.waiting.shift();
    if (next === undefined) this.idle.push(connection);
    else this.send(connection, next);
  }

  private onLost(connection: Connection, reason: string): void {
    if (!this.connections.delete(connection)) return;
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
    if (connection.index >= 0) this.fail(reason);
    const next = this.waiting.shift();
    if (next !== undefined) this.begin(next);
  }

  private fail(reason: string): void {
    this.failures[reason] = (this.failures[reason] ?? 0) + 1;
    this.end();
  }

  private end(): void {
    this.ended += 1;
    if (this.ended === this.load.schedule.count) this.finish.resolve();
  }
}

function textOf({ bytes, bodyAt }: RawResponse): { head: string; body: string } {
  return { head: bytes.toString("latin1", 0, bodyAt), body: bytes.toString("utf8", bodyAt) };
}

function ignore(): void {}
