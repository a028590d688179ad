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
  /** Offsets by partition to begin at; where absent, the group's own, or the beginning. */
  readonly start: ReadonlyMap<number, bigint>;
  readonly logger: StageLogger;
  /** False when nobody takes records any more. */
  readonly take: (records: readonly R[]) => Promise<boolean>;
  /** Called once when the consumer could not be brought back. */
  readonly failed: (error: Unreachable) => void;
  readonly pauses?: BackOff;
  readonly goodbyeMs?: number;
}

/** A consumer that breaks this often without a record in between is given up. */
const breakdownsMax = 5;
const defaultPauses: BackOff = { firstMs: 500, maxMs: 10_000 };
/** Records that are handed over together; small, as a slice that was begun is read again whole. */
const sliceMax = 64;
const defaultGoodbyeMs = 3_000;

/** Reads a topic in the background; what services do with a broken consumer, it does without ending the process. */
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
      throw new TransientFault("CLIENT_CLOSED", "Nobody reads any more.");
    this.#breakdowns = 0;
    for (const { partition, offset } of slice)
      if (this.#next.has(partition)) this.#next.set(partition, offset + 1n);
    return slice.map(() => skip("read"));
  }

  /** Bounded, with the broker away as well. */
  async close(): Promise<void> {
    this.#closed.abort();
    // Without a broker the stage never began to run, so that nothing would end the wait.
    const { goodbyeMs = defaultGoodbyeMs } = this.#parts;
    const stopped = this.#running.then((running) => running.stop());
    await withTimeout(stopped, goodbyeMs, () => undefined);
  }

  #run(): Promise<RunningStage> {
    const { connection, codecs, topic, group, logger } = this.#parts;
    return this.#runStage(
      this,
      {
        connection,
        codecs,
        logger,
        producer: new NothingPublished(),
        onFatal: (code, reason) => void this.#beginAgain(code, reason),
      },
      // What cannot be decoded is logged and passed over: it is not ours to dead-letter.
      { on: { ...topic, deadLetter: true }, group, sliceMax },
    );
  }

  async #beginAgain(code: StageFaultCode, reason: string): Promise<void> {
    const { topic, logger, failed, pauses = defaultPauses } = this.#parts;
    if (this.#closed.signal.aborted) return;
    this.#breakdowns += 1;
    const error = new Unreachable(topic.name, `${code}, ${reason}`);
    if (this.#breakdowns > breakdownsMax) {
      failed(error);
      return this.close();
    }
    logger.warn({ topic: topic.name, code, reason }, "reading begins again");
    const broken = await this.#running;
    await broken.stop();
    const pauseMs = backOffMs(pauses, this.#breakdowns, undefined, Math.random());
    await sleep(pauseMs, this.#closed.signal);
    if (!this.#closed.signal.aborted) this.#running = this.#run();
  }
}

/** A reader writes nothing. */
class NothingPublished extends EventProducer {
  override async send(): Promise<void> {}
}
