import type { Call, Waiting } from "./call.ts";
import { partitionAmong } from "./partition-of-key.ts";
import { Place } from "./place.ts";
import type { Load, WireMessage } from "./send-batch.ts";
import { Topology } from "./topology.ts";

/** All messages of a producer that wait, by partition. */
export class Places {
  readonly topology = new Topology();
  private readonly byName = new Map<string, Place>();

  add(messages: readonly WireMessage[], call: Call): void {
    for (const message of messages) this.placeOf(message).add({ message, call });
  }

  get all(): Iterable<Place> {
    return this.byName.values();
  }

  /** Returns the load that waits, without what is being sent. */
  load(which: (place: Place) => boolean = () => true): Load {
    const sum: Load = { messages: 0, bytes: 0 };
    for (const place of this.all) {
      if (!which(place)) continue;
      const { messages, bytes } = place.load;
      sum.messages += messages;
      sum.bytes += bytes;
    }
    return sum;
  }

  isFailing(message: WireMessage): boolean {
    return (this.byName.get(this.nameOf(message))?.failures ?? 0) > 0;
  }

  /** Returns the places of a lane that have messages and are not being sent. */
  of(isApart: boolean): readonly Place[] {
    return [...this.all].filter(
      (place) => this.isApart(place) === isApart && !place.isFlying && !place.isEmpty,
    );
  }

  /** Returns the node that leads the partition; undefined if it is unknown. */
  nodeOf({ topic, partition }: Place): number | undefined {
    return partition === null ? undefined : this.topology.leaderOf(topic, partition);
  }

  /** Moves messages to their partitions, once these are known or have changed. Keeps the order. */
  distribute(place: Place): void {
    const moved: readonly Waiting[] = [...(place.inDoubt?.messages ?? []), ...place.takeAll()];
    this.byName.delete(place.name);
    for (const entry of moved) this.placeOf(entry.message).add(entry);
  }

  /** Lets the place wait behind the others, so that a busy partition does not take all the room of each send. */
  moveToEnd(place: Place): void {
    this.byName.delete(place.name);
    if (!place.isForgettable) this.byName.set(place.name, place);
  }

  /** A node that is silent for one of its partitions would hold up the others once for each of the rest. */
  private isApart(place: Place): boolean {
    if (place.isApart) return true;
    const node = this.nodeOf(place);
    return node !== undefined && this.topology.isSilent(node);
  }

  private placeOf(message: WireMessage): Place {
    const name = this.nameOf(message);
    const existing = this.byName.get(name);
    if (existing) return existing;
    const partition = this.partitionOf(message);
    const place = new Place(message.topic, partition);
    this.byName.set(name, place);
    return place;
  }

  private nameOf(message: WireMessage): string {
    const partition = this.partitionOf(message);
    return partition === null ? message.topic : `${message.topic}/${partition}`;
  }

  private partitionOf(message: WireMessage): number | null {
    const count = this.topology.countOf(message.topic);
    return count ? partitionAmong(count, message) : null;
  }
}
