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
import { publishEffect } from "./publish-refused.ts";
import type { StageMetrics } from "../core/metrics.ts";
import { type RawMessage, stampOf } from "../core/raw-message.ts";
import type { ConcurrentStage, Deferral } from "../core/stage.ts";

export interface ConcurrentRunnerParts<In> {
  readonly stage: ConcurrentStage<In>;
  readonly reader: MessageReader<In>;
  readonly producer: EventProducer;
  readonly backOff: BackOff;
  readonly logger: StageLogger;
  readonly metrics: StageMetrics;
  /** The most handlers that run at once. */
  readonly concurrency: number;
  /** Called when the effect of the message is published and settled. */
  readonly onFinished: (raw: RawMessage) => void;
  /** Called with true at a message's first outage, and with false when it is finished or dropped. */
  readonly onFailing: (raw: RawMessage, failing: boolean) => void;
  /** Called when a message has left, so that another can be taken. */
  readonly onRoom: () => void;
}

/** How long an aborted handler may take, in milliseconds: a few writes to a store that answers. */
const recordingMsMax = 3_000;

interface Held {
  readonly raw: RawMessage;
  revoked: AbortController;
  state: "queued" | "running" | "waiting";
  repeats: number;
  waitedMs: number;
  failures: number;
  timer?: NodeJS.Timeout;
}

/**
 * Runs the handlers of a concurrent stage, without any use of Kafka. Its owner limits how many
 * messages it receives.
 */
export class ConcurrentRunner<In> {
  private readonly held = new Map<string, Held>();
  private readonly queue: Held[] = [];
  private running = 0;
  private readonly stopping = new AbortController();
  private accepting = true;

  constructor(private readonly parts: ConcurrentRunnerParts<In>) {}

  /** The number of messages that are taken and not finished: queued, running, or waiting to run again. */
  get inHand(): number {
    return this.held.size;
  }

  /** Returns false if this message still runs under an earlier assignment. It then ends once, for both. */
  take(raw: RawMessage): boolean {
    const running = this.held.get(nameOf(raw));
    if (running) {
      // The partition is assigned again, so an outage makes the message run again.
      running.revoked = new AbortController();
      return false;
    }
    const held: Held = {
      raw,
      revoked: new AbortController(),
      state: "queued",
      repeats: 0,
      waitedMs: 0,
      failures: 0,
    };
    this.held.set(nameOf(raw), held);
    this.queue.push(held);
    this.fill();
    return true;
  }

  /** Handles the loss of the partitions: drops messages that do not run yet, and lets running ones end. */
  revoke(): void {
    for (const held of this.held.values()) {
      held.revoked.abort();
      if (held.state !== "running") this.forget(held);
    }
    this.queue.length = 0;
  }

  /** Starts no more handlers. Running ones continue. */
  close(): void {
    this.accepting = false;
    for (const held of this.held.values()) if (held.state !== "running") this.forget(held);
    this.queue.length = 0;
  }

  /** Waits for the running handlers, at most `msMax` milliseconds. */
  async idle(msMax: number): Promise<void> {
    const until = performance.now() + msMax;
    while (this.running > 0 && performance.now() < until) await sleep(20);
  }

  /** Aborts the handlers that still run, and waits a moment while they record what they know. */
  async giveUp(): Promise<void> {
    this.stopping.abort();
    await this.idle(recordingMsMax);
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
      const opened = await this.parts.reader.open(held.raw);
      const effect = await this.effectOf(held, opened);
      if (effect.kind === "wait") return this.postpone(held, effect);
      if (await this.publish(held, opened, effect)) this.finish(held);
      else this.forget(held);
    } catch (error) {
      // Only outages arrive here: of the registry, or of a dependency of the handler.
      this.waitForOutage(held, error);
    }
  }

  /** @throws the handler's TransientFault */
  private async effectOf(held: Held, opened: Opened<In>): Promise<Effect | Deferral> {
    if (opened.kind === "poison") return deadLetter(opened.poison.code, opened.poison.reason);
    const startedAt = performance.now();
    try {
      return await this.parts.stage.handle(opened.delivery, {
        repeats: held.repeats,
        waitedMs: held.waitedMs,
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

  /**
   * Dead-letters at once. The handler may have caused costs, so it is not run again to see whether
   * it still throws.
   */
  private poisoned(opened: Opened<In>, thrown: unknown): Effect {
    const { reader, logger } = this.parts;
    if (!(thrown instanceof PermanentFault))
      logger.error({ ...reader.fieldsOf(opened.raw), err: thrown }, "the stage threw: a defect");
    const { code, reason } = poisonOf(thrown);
    return deadLetter(code, reason);
  }

  /**
   * Publishes until the broker acknowledges: the call that caused the effect must not be repeated
   * because publishing failed. Returns false if the process ends first.
   */
  private async publish(held: Held, opened: Opened<In>, effect: Effect): Promise<boolean> {
    const { reader } = this.parts;
    let current = effect;
    let sent = false;
    while (!this.stopping.signal.aborted) {
      try {
        if (!sent) await this.send(opened, current);
        sent = true;
        await this.settle(opened, current);
        reader.count(opened, current);
        return true;
      } catch (error) {
        if (!isOutage(error) && current.kind === "emit") current = this.poisoned(opened, error);
        else await this.sleepThrough(held, error);
      }
    }
    return false;
  }

  private async send(opened: Opened<In>, effect: Effect): Promise<void> {
    const { reader, producer } = this.parts;
    const messages = await reader.publishableOf(opened, effect);
    await publishEffect(producer, effect, messages, {
      onShortened: (refused) => reader.shortened(opened, refused),
      onUnpublished: (message, error) => reader.unpublished(opened, message, error),
    });
  }

  /**
   * Calls the stage's hook. The effect is on the log already, so a defect in the hook is logged and
   * the message is finished.
   */
  private async settle(opened: Opened<In>, effect: Effect): Promise<void> {
    if (opened.kind === "poison") return;
    try {
      await this.parts.stage.settled?.(opened.delivery, effect);
    } catch (error) {
      if (isOutage(error)) throw error;
      this.parts.reader.unsettled(opened.delivery, error);
    }
  }

  private async sleepThrough(held: Held, fault: unknown): Promise<void> {
    await sleep(this.fail(held, fault), this.stopping.signal);
  }

  private waitForOutage(held: Held, fault: unknown): void {
    this.runAgain(held, this.fail(held, fault));
  }

  /** Counts and logs a failure. Returns how long to wait, in milliseconds. */
  private fail(held: Held, fault: unknown): number {
    const { reader, logger, metrics, backOff, onFailing } = this.parts;
    if (held.failures === 0) onFailing(held.raw, true);
    held.failures += 1;
    const asked = isOutage(fault) ? (fault satisfies TransientFault).retryAfterMs : undefined;
    const waitMs = backOffMs(backOff, held.failures, asked, Math.random());
    const code = codeOf(fault, "STAGE_DEFECT");
    metrics.fault(code);
    const { failures } = held;
    const fields = {
      ...reader.fieldsOf(held.raw),
      code,
      reason: messageOf(fault),
      failures,
      waitMs,
    };
    if (isOutage(fault)) logger.warn(fields, "waiting for an outage to end");
    else logger.error({ ...fields, err: fault }, "an effect cannot be published; trying again");
    return waitMs;
  }

  private postpone(held: Held, { waitMs }: Deferral): void {
    held.waitedMs += waitMs;
    this.runAgain(held, waitMs);
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

function nameOf(raw: RawMessage): string {
  return `${raw.partition}/${raw.offset} ${stampOf(raw)}`;
}
