import {
  type BackOff,
  backOffMs,
  PermanentFault,
  sleep,
  type TransientFault,
} from "@sluice/domain";
import { deadLetter, type Effect } from "../core/effects.ts";
import type { EventProducer } from "../core/event-producer.ts";
import { codeOf, isOutage, messageOf, poisonOf } from "../core/faults.ts";
import type { StageLogger } from "../core/logger.ts";
import type { MessageReader, Opened } from "./message-reader.ts";
import type { StageMetrics } from "../core/metrics.ts";
import type { RawMessage } from "../core/raw-message.ts";
import type { ConcurrentStage, Deferral } from "../core/stage.ts";

export interface ConcurrentRunnerParts<In> {
  readonly stage: ConcurrentStage<In>;
  readonly desk: MessageReader<In>;
  readonly producer: EventProducer;
  readonly backOff: BackOff;
  readonly logger: StageLogger;
  readonly metrics: StageMetrics;
  /** Handlers at once. */
  readonly concurrency: number;
  /** The effect of this message is published. */
  readonly onFinished: (raw: RawMessage) => void;
  /** True from a message's first outage until it is finished or dropped. */
  readonly onFailing: (raw: RawMessage, failing: boolean) => void;
  /** A place is free. */
  readonly onRoom: () => void;
}

interface Held {
  readonly raw: RawMessage;
  revoked: AbortController;
  state: "queued" | "running" | "waiting";
  repeats: number;
  failures: number;
  timer?: NodeJS.Timeout;
}

/**
 * The messages a concurrent stage has taken and works on, with nothing of Kafka in it. Its
 * owner bounds how many it is given.
 */
export class ConcurrentRunner<In> {
  private readonly held = new Map<string, Held>();
  private readonly queue: Held[] = [];
  private running = 0;
  private readonly stopping = new AbortController();
  private accepting = true;

  constructor(private readonly parts: ConcurrentRunnerParts<In>) {}

  /** Messages taken and not finished: queued, running, or waiting to run again. */
  get inHand(): number {
    return this.held.size;
  }

  /** False when this very message still runs, taken under an earlier assignment; it will end once, for both. */
  take(raw: RawMessage): boolean {
    const running = this.held.get(nameOf(raw));
    if (running) {
      // Ours again: should it meet an outage now, it is to be run again.
      running.revoked = new AbortController();
      return false;
    }
    const held: Held = {
      raw,
      revoked: new AbortController(),
      state: "queued",
      repeats: 0,
      failures: 0,
    };
    this.held.set(nameOf(raw), held);
    this.queue.push(held);
    this.fill();
    return true;
  }

  /** The partitions are no longer ours: what has not begun is forgotten, what runs goes on to its end. */
  revoke(): void {
    for (const held of this.held.values()) {
      held.revoked.abort();
      if (held.state !== "running") this.forget(held);
    }
    this.queue.length = 0;
  }

  /** Begins nothing more and waits for what runs, at most `drainMs` milliseconds. */
  async drain(drainMs: number): Promise<void> {
    this.accepting = false;
    for (const held of this.held.values()) if (held.state !== "running") this.forget(held);
    this.queue.length = 0;
    const until = performance.now() + drainMs;
    while (this.running > 0 && performance.now() < until) await sleep(20);
    this.stopping.abort();
  }

  private fill(): void {
    while (this.accepting && this.running < this.parts.concurrency) {
      const next = this.queue.shift();
      if (!next) break;
      this.running += 1;
      void this.run(next).finally(() => {
        this.running -= 1;
        this.fill();
      });
    }
    this.parts.metrics.inHand(this.held.size);
  }

  private async run(held: Held): Promise<void> {
    held.state = "running";
    try {
      const opened = await this.parts.desk.open(held.raw);
      const effect = await this.effectOf(held, opened);
      if (effect.kind === "wait") return this.runAgain(held, effect.waitMs);
      if (await this.publish(held, opened, effect)) this.finish(held);
      else this.forget(held);
    } catch (error) {
      // Only outages get here: of the registry, or of what the handler needs.
      this.waitForOutage(held, error);
    }
  }

  /** @throws TransientFault of the handler */
  private async effectOf(held: Held, opened: Opened<In>): Promise<Effect | Deferral> {
    if (opened.kind === "poison") return deadLetter(opened.poison.code, opened.poison.reason);
    const startedAt = performance.now();
    try {
      return await this.parts.stage.handle(opened.delivery, {
        repeats: held.repeats,
        revoked: held.revoked.signal,
        stopping: this.stopping.signal,
      });
    } catch (error) {
      if (isOutage(error)) throw error;
      return this.poisoned(opened, error);
    } finally {
      this.parts.metrics.handleTook((performance.now() - startedAt) / 1_000);
    }
  }

  /** A handler may have paid for something: it is not run again to see whether it throws again. */
  private poisoned(opened: Opened<In>, thrown: unknown): Effect {
    const { desk, logger } = this.parts;
    if (!(thrown instanceof PermanentFault))
      logger.error({ ...desk.fieldsOf(opened.raw), err: thrown }, "defect in the stage");
    const { code, reason } = poisonOf(thrown);
    return deadLetter(code, reason);
  }

  /**
   * Until the broker has it: the call behind the effect is made, and must not be
   * made again because publishing failed. False when the process ends first.
   */
  private async publish(held: Held, opened: Opened<In>, effect: Effect): Promise<boolean> {
    const { desk, producer } = this.parts;
    let said = effect;
    let sent = false;
    while (!this.stopping.signal.aborted) {
      try {
        if (!sent) await producer.send(await desk.publishableOf(opened, said));
        sent = true;
        await this.settle(opened, said);
        desk.count(opened, said);
        return true;
      } catch (error) {
        if (!isOutage(error) && said.kind === "emit") said = this.poisoned(opened, error);
        else await this.sleepThrough(held, error);
      }
    }
    return false;
  }

  /** What is on the log stays: a defect in the hook is told, and the message is finished. */
  private async settle(opened: Opened<In>, said: Effect): Promise<void> {
    if (opened.kind === "poison") return;
    try {
      await this.parts.stage.settled?.(opened.delivery, said);
    } catch (error) {
      if (isOutage(error)) throw error;
      const { desk, logger } = this.parts;
      logger.error({ ...desk.fieldsOf(opened.raw), err: error }, "defect in settled");
    }
  }

  private async sleepThrough(held: Held, fault: unknown): Promise<void> {
    await sleep(this.fail(held, fault), this.stopping.signal);
  }

  private waitForOutage(held: Held, fault: unknown): void {
    this.runAgain(held, this.fail(held, fault));
  }

  /** Counts and says it; gives how long to wait. */
  private fail(held: Held, fault: unknown): number {
    const { desk, logger, metrics, backOff, onFailing } = this.parts;
    if (held.failures === 0) onFailing(held.raw, true);
    held.failures += 1;
    const asked = isOutage(fault) ? (fault satisfies TransientFault).retryAfterMs : undefined;
    const waitMs = backOffMs(backOff, held.failures, asked, Math.random());
    const code = codeOf(fault, "STAGE_DEFECT");
    metrics.fault(code);
    const { failures } = held;
    const fields = { ...desk.fieldsOf(held.raw), code, reason: messageOf(fault), failures, waitMs };
    if (isOutage(fault)) logger.warn(fields, "waiting for an outage to end");
    else logger.error({ ...fields, err: fault }, "a dead letter cannot be published");
    return waitMs;
  }

  private runAgain(held: Held, waitMs: number): void {
    if (held.revoked.signal.aborted || !this.accepting) return this.forget(held);
    held.state = "waiting";
    held.repeats += 1;
    held.timer = setTimeout(() => {
      held.state = "queued";
      this.queue.push(held);
      this.fill();
    }, waitMs);
  }

  private finish(held: Held): void {
    this.parts.onFinished(held.raw);
    this.forget(held);
  }

  private forget(held: Held): void {
    clearTimeout(held.timer);
    if (!this.held.delete(nameOf(held.raw))) return;
    if (held.failures > 0) this.parts.onFailing(held.raw, false);
    this.parts.onRoom();
  }
}

function nameOf({ partition, offset }: RawMessage): string {
  return `${partition}/${offset}`;
}
