import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { type Load, type LoadResult, placeholder } from "./load.ts";
import { type RawResponse, ResponseReader } from "./response-reader.ts";
import { dueBy, startMsOf } from "./schedule.ts";

/** Beyond it requests wait for a socket, which their latency then shows. */
const socketsMax = 2_000;
const tickMs = 1;

interface Line {
  readonly socket: Socket;
  readonly reader: ResponseReader;
  /** The request whose answer is awaited; -1 when the socket is free. */
  index: number;
}

/**
 * Open loop: requests begin when the schedule says so, whatever became of those before, and
 * their latency counts from that instant. Raw sockets, for the generator shares the cores with
 * what it measures.
 */
export class Generator {
  private readonly load: Load;
  private readonly template: Buffer;
  private readonly numberAt: number;
  private readonly latenciesMs: Float64Array;
  private readonly failures: Record<string, number> = {};
  private readonly free: Line[] = [];
  private readonly lines = new Set<Line>();
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
    // Nothing that comes from now on may still be counted.
    for (const { socket } of this.lines) socket.removeAllListeners().on("error", ignore).destroy();
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
    const line = this.free.pop() ?? this.open();
    if (line) this.send(line, index);
    else this.waiting.push(index);
  }

  private open(): Line | undefined {
    if (this.lines.size >= socketsMax) return undefined;
    const socket = connect({ port: this.load.port, host: "127.0.0.1", noDelay: true });
    const line: Line = { socket, reader: new ResponseReader(), index: -1 };
    this.lines.add(line);
    this.socketsPeak = Math.max(this.socketsPeak, this.lines.size);
    socket.on("data", (bytes) => this.receive(line, bytes));
    socket.on("error", (error: NodeJS.ErrnoException) => this.lose(line, error.code ?? "error"));
    socket.on("close", () => this.lose(line, "closed"));
    return line;
  }

  private send(line: Line, index: number): void {
    line.index = index;
    line.socket.write(this.numberAt < 0 ? this.template : this.numbered(index));
  }

  private numbered(index: number): Buffer {
    const bytes = Buffer.from(this.template);
    const number = String(this.load.firstNumber + index).padStart(placeholder.length, "0");
    bytes.write(number, this.numberAt, "latin1");
    return bytes;
  }

  private receive(line: Line, bytes: Buffer): void {
    const response = line.reader.push(bytes);
    if (!response) return;
    const { index } = line;
    line.index = -1;
    if (response.status === 200) {
      this.lastAnswerMs = performance.now() - this.startedAt;
      this.latenciesMs[index] = this.lastAnswerMs - startMsOf(this.load.schedule, index);
      this.sample = response;
      this.end();
    } else {
      this.fail(String(response.status));
    }
    const next = this.waiting.shift();
    if (next === undefined) this.free.push(line);
    else this.send(line, next);
  }

  private lose(line: Line, reason: string): void {
    if (!this.lines.delete(line)) return;
    const at = this.free.indexOf(line);
    if (at >= 0) this.free.splice(at, 1);
    if (line.index >= 0) this.fail(reason);
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
