import {
  type BackOff,
  type Fault,
  PermanentFault,
  TransientFault,
  withTimeout,
} from "@sluice/domain";
import { messageOf } from "../../core/faults.ts";
import type { StageLogger } from "../../core/logger.ts";
import type { ProducerMetrics } from "../../core/metrics.ts";
import { type Call, openCallsOf, type Waiting } from "./call.ts";
import type { Place, SentBatch } from "./place.ts";
import type { Places } from "./places.ts";
import type { PartitionBatch, ProducerIdentity, ProducerLink } from "./producer-link.ts";
import { type Load, loadOf, type Pace, pauseAfter, type SendLimits } from "./send-batch.ts";
import { isRepeat, type SendTrouble, troubleOf } from "./send-trouble.ts";

/** The numbers that all lanes of a producer use. */
export interface Numbering {
  identity: ProducerIdentity | undefined;
}

export interface LaneParts {
  /** Whether the lane serves the partitions that are held apart, or all others. */
  readonly isApart: boolean;
  readonly places: Places;
  readonly numbering: Numbering;
  readonly openLink: () => ProducerLink;
  readonly pace: Pace;
  readonly limits: SendLimits;
  /** How long a broker may take to answer, in milliseconds. */
  readonly answerMs: number;
  /** How long a lane waits for its first connection, in milliseconds. Nothing can be sent meanwhile. */
  readonly connectMs: number;
  readonly backOff: BackOff;
  readonly logger: StageLogger;
  readonly metrics: ProducerMetrics;
  /** Returns the broker's error about a topic in words for an operator. */
  readonly reasonOf: (error: Error, topic: string) => string;
  readonly reject: (call: Call, fault: Fault) => void;
  /** Called after each send, when partitions may have changed to the other lane. */
  readonly onLanded: () => void;
}

/** Why a partition cannot be sent. */
interface Lack {
  readonly error: Error;
  /** False if no broker answered. */
  readonly answered: boolean;
}

/** The next messages of one partition. */
interface Loaded {
  readonly place: Place;
  readonly messages: readonly Waiting[];
  readonly load: Load;
}

/** One partition's part of a send. */
interface Part {
  readonly place: Place;
  readonly batch: SentBatch;
}

/** How often a call's messages are sent to one partition in vain before the call is rejected. */
const failuresMax = 8;
/** Sequence numbers are of 32 bits. A new identity starts at 0. */
const sequenceMax = 2 ** 31 - 100_000;

/**
 * Sends the waiting messages of its partitions, one request per broker at a time, and judges each
 * partition alone. Messages that arrive meanwhile form the next send.
 */
export class Lane {
  private link: ProducerLink | undefined;
  private isFlying = false;
  private timer: NodeJS.Timeout | undefined;
  private isDeparting = false;
  private isClosed = false;
  private isLinkBroken = false;
  private nextSendAt = Number.NEGATIVE_INFINITY;
  private readonly failing: string[] = [];

  constructor(private readonly parts: LaneParts) {}

  /** Call this whenever messages have arrived. */
  kick(): void {
    if (this.isFlying || this.isDeparting || this.isClosed) return;
    clearTimeout(this.timer);
    const places = this.parts.places.of(this.parts.isApart);
    if (places.length === 0) return;
    const at = Math.max(this.nextSendAt, Math.min(...places.map(({ notBefore }) => notBefore)));
    const waitMs = at - performance.now();
    if (waitMs >= 1) {
      this.timer = setTimeout(() => void this.depart(), waitMs);
      return;
    }
    // Waits one turn of the event loop, so that calls of the same moment share a send. The messages of one
    // fetch are processed together, for all partitions, and are ready within the same turn.
    this.isDeparting = true;
    setImmediate(() => void this.depart());
  }

  /** Disconnects. What still waits, or is being sent, may or may not arrive. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await this.link?.close();
  }

  private async depart(): Promise<void> {
    this.isDeparting = false;
    if (this.isFlying || this.isClosed) return;
    this.isFlying = true;
    try {
      await this.fly();
    } finally {
      this.isFlying = false;
      this.report();
      this.parts.onLanded();
      this.kick();
    }
  }

  private async fly(): Promise<void> {
    const { places, pace, metrics } = this.parts;
    const startedAt = performance.now();
    const lackOf = await this.describe(this.due());
    const loaded = this.load();
    metrics.waiting(places.load().messages);
    if (loaded.length === 0) return;
    this.nextSendAt = startedAt + pauseAfter(messagesIn(loaded), pace);
    const numbered = await this.numbered(loaded);
    const byNode = Map.groupBy(numbered, ({ place }) => places.nodeOf(place));
    const sends = [...byNode].map(async ([node, parts]) => {
      if (node !== undefined) return this.send(node, parts);
      for (const { place, batch } of parts) {
        const { error, answered } = lackOf(place);
        this.fail(place, place.inDoubt ?? { ...batch, identity: unsent }, error, answered);
      }
    });
    await Promise.all(sends);
    if (this.isLinkBroken) this.dropLink();
  }

  private due(): readonly Place[] {
    const now = performance.now();
    // A timer may fire a moment early.
    return this.parts.places.of(this.parts.isApart).filter((each) => each.notBefore - now < 1);
  }

  /**
   * Asks for the partitions and leaders of topics of which they are unknown or outdated.
   *
   * @returns what is wrong with a partition that has no leader
   */
  private async describe(due: readonly Place[]): Promise<(place: Place) => Lack> {
    const { topology } = this.parts.places;
    const topics = [...new Set(due.map(({ topic }) => topic))].filter(
      (topic) => !topology.isFresh(topic),
    );
    if (topics.length === 0) return (place) => ({ error: noLeader(place), answered: true });
    try {
      const layouts = await this.ask((link) => link.layoutsOf(topics));
      for (const [topic, layout] of layouts) topology.note(topic, layout);
      for (const place of due) {
        if (!this.isMisplaced(place)) continue;
        // Another partition gets the batch, so that its sequence numbers here are unknown.
        if (place.inDoubt) this.renumber(place.inDoubt);
        this.parts.places.distribute(place);
      }
      return (place) => ({
        error: layouts.get(place.topic)?.error ?? noLeader(place),
        answered: true,
      });
    } catch (error) {
      this.dropLink();
      return () => ({ error: asError(error), answered: false });
    }
  }

  private isMisplaced({ topic, partition }: Place): boolean {
    const count = this.parts.places.topology.countOf(topic);
    return count !== undefined && (partition === null || partition >= count);
  }

  /** Takes one batch of each partition that is due, as far as the limits of a send allow. */
  private load(): Loaded[] {
    const { places, limits } = this.parts;
    const room: Load = { messages: limits.messagesPerSend, bytes: limits.bytesPerSend };
    const loaded: Loaded[] = [];
    for (const place of this.due()) {
      if (room.messages <= 0 || room.bytes <= 0) break;
      this.dropForgotten(place);
      const messages = place.inDoubt?.messages ?? place.take(limits, room);
      if (messages.length === 0) continue;
      const load = place.inDoubt?.load ?? loadOf(messages);
      room.messages -= load.messages;
      room.bytes -= load.bytes;
      place.isFlying = true;
      places.moveToEnd(place);
      loaded.push({ place, messages, load });
    }
    return loaded;
  }

  /** Gives up a batch in doubt whose calls were all rejected. The numbers after it are then unknown. */
  private dropForgotten(place: Place): void {
    if (!place.inDoubt || openCallsOf(place.inDoubt.messages).size > 0) return;
    this.renumber(place.inDoubt);
    place.inDoubt = undefined;
  }

  private renumber({ identity }: SentBatch): void {
    const { numbering } = this.parts;
    if (numbering.identity === identity) numbering.identity = undefined;
  }

  /** Numbers the batches. If the broker gives us no identity, they all have failed, and none is returned. */
  private async numbered(loaded: readonly Loaded[]): Promise<readonly Part[]> {
    const fresh = loaded.filter(({ place }) => !place.inDoubt);
    const repeated = loaded.flatMap(({ place }) =>
      place.inDoubt ? [{ place, batch: place.inDoubt }] : [],
    );
    if (fresh.length === 0) return repeated;
    const identity = await this.identity().catch(asError);
    if (identity instanceof Error) {
      this.dropLink();
      for (const { place, messages, load } of fresh)
        this.fail(place, { identity: unsent, firstSequence: 0, messages, load }, identity, false);
      return repeated;
    }
    const numbered = fresh.map(({ place, messages, load }) => ({
      place,
      batch: { identity, firstSequence: identity.sequences.get(place.name) ?? 0, messages, load },
    }));
    return [...repeated, ...numbered];
  }

  private async identity(): Promise<ProducerIdentity> {
    const { numbering } = this.parts;
    numbering.identity ??= await this.ask((link) => link.newIdentity());
    return numbering.identity;
  }

  private async send(node: number, parts: readonly Part[]): Promise<void> {
    // Batches in doubt may still have an older identity, and a request has only one.
    const { topology } = this.parts.places;
    for (const [, group] of Map.groupBy(parts, ({ batch }) => batch.identity)) {
      const ackMs = Math.ceil(this.parts.answerMs / 2);
      try {
        const results = await this.ask((link) => link.send(node, group.map(wireOf), ackMs));
        topology.noteAnswer(node);
        for (const [index, { place, batch }] of group.entries())
          this.landed(place, batch, results[index] ?? null);
      } catch (error) {
        // The other requests of this send still use the link.
        this.isLinkBroken = true;
        topology.noteSilence(node);
        for (const { place, batch } of group) {
          topology.outdate(place.topic);
          this.fail(place, batch, asError(error), false);
        }
      }
      // The other nodes of this send may take long, and what landed may go on in the other lane.
      this.parts.onLanded();
    }
  }

  /** Asks over the link, which is opened if there is none. @throws also if the answer takes too long */
  private async ask<T>(question: (link: ProducerLink) => Promise<T>): Promise<T> {
    const { openLink, answerMs, connectMs } = this.parts;
    if (this.isClosed) throw new Error("The producer is closed.");
    const link = (this.link ??= openLink());
    await withTimeout(link.connect(), connectMs, late(connectMs));
    return withTimeout(question(link), answerMs, late(answerMs));
  }

  private dropLink(): void {
    void this.link?.close();
    this.link = undefined;
    this.isLinkBroken = false;
  }

  private landed(place: Place, batch: SentBatch, error: Error | null): void {
    if (error !== null && !isRepeat(error)) return this.fail(place, batch, error, true);
    const { identity, firstSequence, messages } = batch;
    const next = firstSequence + messages.length;
    identity.sequences.set(place.name, next);
    if (next > sequenceMax) this.renumber(batch);
    if (place.failures > 0)
      this.parts.logger.info({ partition: place.name }, "publishing to a partition works again");
    place.inDoubt = undefined;
    place.isFlying = false;
    place.succeeded();
    for (const { call } of messages) call.acknowledge(1);
    this.parts.metrics.published(messages.length);
    this.parts.places.moveToEnd(place);
  }

  private fail(place: Place, batch: SentBatch, error: Error, answered: boolean): void {
    const trouble = troubleOf(error, answered);
    place.isFlying = false;
    if (trouble === "refused") return this.refused(place, batch, error);
    const reason = this.parts.reasonOf(error, place.topic);
    const fault = new TransientFault("STAGE_BROKER_UNAVAILABLE", reason, { cause: error });
    for (const call of openCallsOf(batch.messages)) {
      call.trouble = reason;
      // One fault concerns many partitions at once, so they are not added up.
      const failures = call.countFailure(place.name);
      if (trouble === "denied" || failures >= failuresMax) this.parts.reject(call, fault);
    }
    this.keep(place, batch, trouble);
    if (place.failures === 0) this.failing.push(`${place.name}: ${reason}`);
    place.failed(this.parts.backOff);
    if (trouble === "slow") place.isApart = true;
    if (answered) this.parts.places.topology.outdate(place.topic);
  }

  /** Keeps what is sent again. Only what the broker has certainly not stored may be batched differently. */
  private keep(place: Place, batch: SentBatch, trouble: SendTrouble): void {
    const maybeStored = trouble === "slow" || trouble === "unclear";
    const wasInDoubt = place.inDoubt === batch && trouble !== "renumber";
    if (wasInDoubt || (maybeStored && batch.identity !== unsent)) {
      place.inDoubt = batch;
      return;
    }
    if (trouble === "renumber") this.renumber(batch);
    place.inDoubt = undefined;
    place.putBack(batch.messages);
  }

  /**
   * Finds a message that the broker never accepts by halves, so that the others are sent in a few
   * requests. The limit of a topic is also one of the whole batch, which halves make shorter.
   */
  private refused(place: Place, batch: SentBatch, error: Error): void {
    const { messages } = batch;
    place.inDoubt = undefined;
    if (messages.length > 1) place.narrow(messages.length);
    else {
      const fault = new PermanentFault("STAGE_MESSAGE_REFUSED", messageOf(error), { cause: error });
      for (const call of openCallsOf(messages)) this.parts.reject(call, fault);
    }
    place.putBack(messages);
  }

  /** Reports in one line what began to fail in one send, because an outage concerns all partitions. */
  private report(): void {
    if (this.failing.length === 0) return;
    const fields = { partitions: this.failing.length, first: this.failing.slice(0, 5) };
    this.failing.length = 0;
    this.parts.logger.warn(fields, "partitions do not accept messages; they are tried again");
  }
}

/** The identity of a batch that was never sent. */
const unsent: ProducerIdentity = { id: "-1", epoch: 0, sequences: new Map() };

function messagesIn(loaded: readonly Loaded[]): number {
  return loaded.reduce((sum, { load }) => sum + load.messages, 0);
}

function wireOf({ place, batch }: Part): PartitionBatch {
  const { identity, firstSequence } = batch;
  return {
    topic: place.topic,
    partition: place.partition ?? 0,
    identity,
    firstSequence,
    messages: batch.messages.map(({ message }) => message),
  };
}

function noLeader({ name }: Place): Error {
  return new Error(`The broker names no leader of ${name}.`);
}

function late(ms: number): () => never {
  return () => {
    throw new Error(`The broker did not answer within ${ms} ms.`);
  };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
