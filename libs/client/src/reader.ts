import type { Topic, TopicCodecs } from "@sluice/contracts";
import { type BackOff, backOffMs, sleep, TransientFault, withTimeout } from "@sluice/domain";
import {
  type Delivery,
  type Effect,
  EventProducer,
  type KafkaConnection,
  type RunningStage,
  runSliceStage,
  skip,
  SliceStage,
  type StageFaultCode,
  type StageLogger,
} from "@sluice/stage";
import { Unreachable } from "./errors.ts";

export interface ReaderParts<R> {
  readonly connection: KafkaConnection;
  readonly codecs: TopicCodecs;
  readonly topic: Topic<R>;
  /** As in `StageOptions.group`. */
  readonly group: string;
  /** The offsets to begin at, by partition. A partition without one begins at the group's offset, or at its beginning. */
  readonly start: ReadonlyMap<number, bigint>;
  readonly logger: StageLogger;
  /** Resolves to false when the reader has ended. */
  readonly take: (records: readonly R[]) => Promise<boolean>;
  /** Called once if the consumer cannot be restarted. */
  readonly failed: (error: Unreachable) => void;
  readonly pauses?: BackOff;
  readonly closeTimeoutMs?: number;
}

/** The reader gives up after this many failed consumers without a record in between. */
const breakdownsMax = 5;
const defaultPauses: BackOff = { firstMs: 500, maxMs: 10_000 };
/** The records in a slice. The number is small, because an unfinished slice is read again as a whole. */
const sliceMax = 64;
const defaultCloseTimeoutMs = 3_000;

/**
 * Reads a topic in the background. A service ends its process when a consumer fails; the reader
 * starts a new consumer instead, because the process belongs to the user.
 */
export class Reader<R> extends SliceStage<R> {
  readonly #parts: ReaderParts<R>;
  readonly #next: Map<number, bigint>;
  readonly #closed = new AbortController();
  readonly #runStage: typeof runSliceStage<R>;
  #running: Promise<RunningStage>;
  #breakdowns = 0;

  constructor(parts: ReaderParts<R>, runStage: typeof runSliceStage<R> = runSliceStage) {
    super();
    this.#parts = parts;
    this.#runStage = runStage;
    this.#next = new Map(parts.start);
    this.#running = this.#run();
  }

  override async resumeAt(partition: number): Promise<bigint | null> {
    return this.#next.get(partition) ?? null;
  }

  override async process(slice: readonly Delivery<R>[]): Promise<readonly Effect[]> {
    if (!(await this.#parts.take(slice.map(({ record }) => record))))
      throw new TransientFault("CLIENT_CLOSED", "The reader was closed.");
    this.#breakdowns = 0;
    for (const { partition, offset } of slice)
      if (this.#next.has(partition)) this.#next.set(partition, offset + 1n);
    return slice.map(() => skip("read"));
  }

  /** Stops the consumer. Takes at most `closeTimeoutMs`, also if the broker is unavailable. */
  async close(): Promise<void> {
    this.#closed.abort();
    // Without a broker, the consumer never started and cannot be stopped.
    const { closeTimeoutMs = defaultCloseTimeoutMs } = this.#parts;
    const stopped = this.#running.then((running) => running.stop());
    await withTimeout(stopped, closeTimeoutMs, () => undefined);
  }

  #run(): Promise<RunningStage> {
    const { connection, codecs, topic, group, logger } = this.#parts;
    return this.#runStage(
      this,
      {
        connection,
        codecs,
        logger,
        producer: new DroppingProducer(),
        onFatal: (code, reason) => void this.#restart(code, reason),
      },
      // A record that cannot be decoded is logged and skipped. The producer drops its dead letter, because
      // only services write dead letters.
      { on: { ...topic, deadLetter: true }, group, sliceMax },
    );
  }

  async #restart(code: StageFaultCode, reason: string): Promise<void> {
    const { topic, logger, failed, pauses = defaultPauses } = this.#parts;
    if (this.#closed.signal.aborted) return;
    this.#breakdowns += 1;
    const error = new Unreachable(topic.name, `${code}, ${reason}`);
    if (this.#breakdowns > breakdownsMax) {
      failed(error);
      return this.close();
    }
    logger.warn({ topic: topic.name, code, reason }, "the consumer failed and is started again");
    const broken = await this.#running;
    await broken.stop();
    const pauseMs = backOffMs(pauses, this.#breakdowns, undefined, Math.random());
    await sleep(pauseMs, this.#closed.signal);
    if (!this.#closed.signal.aborted) this.#running = this.#run();
  }
}

/** Drops all messages, because a reader writes nothing. */
class DroppingProducer extends EventProducer {
  override async send(): Promise<void> {}
}
