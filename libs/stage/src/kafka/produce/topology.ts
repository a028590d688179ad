import type { TopicLayout } from "./producer-link.ts";

/** Partitions may be added to a topic, and this is how long that may go unnoticed, in milliseconds. */
const freshMs = 300_000;

interface Known {
  readonly layout: TopicLayout;
  readonly notedAt: number;
}

/** What the lanes of a producer know of the partitions of topics and of the nodes that lead them. */
export class Topology {
  private readonly topics = new Map<string, Known>();
  /** The nodes that did not answer the last request. */
  private readonly silent = new Set<number>();

  /** Returns undefined if the topic was never described without an error. */
  countOf(topic: string): number | undefined {
    return this.topics.get(topic)?.layout.leaders.length;
  }

  isFresh(topic: string): boolean {
    const known = this.topics.get(topic);
    return known !== undefined && performance.now() - known.notedAt < freshMs;
  }

  /** Returns undefined while the partition has no leader, or does not exist. */
  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.topics.get(topic)?.layout.leaders[partition];
    return leader === undefined || leader < 0 ? undefined : leader;
  }

  /** A layout with an error is not kept, so that keys keep the partitions that they had. */
  note(topic: string, layout: TopicLayout): void {
    if (!layout.error) this.topics.set(topic, { layout, notedAt: performance.now() });
  }

  /** Lets the next send ask for the leaders again. The number of partitions stays known. */
  outdate(topic: string): void {
    const known = this.topics.get(topic);
    if (known) this.topics.set(topic, { ...known, notedAt: Number.NEGATIVE_INFINITY });
  }

  isSilent(node: number): boolean {
    return this.silent.has(node);
  }

  noteAnswer(node: number): void {
    this.silent.delete(node);
  }

  noteSilence(node: number): void {
    this.silent.add(node);
  }
}
