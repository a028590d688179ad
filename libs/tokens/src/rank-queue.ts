import { none } from "./merge-ranks.ts";

/** Lists of places, one for each rank of a vocabulary. All are empty whenever a piece has been merged. */
export class RankLists {
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Whether a list has a place behind a later one. */
  readonly isUnsorted: Uint8Array;

  constructor(ranks: number) {
    this.first = new Int32Array(ranks).fill(none);
    this.last = new Int32Array(ranks).fill(none);
    this.isUnsorted = new Uint8Array(ranks);
  }
}

/**
 * The pairs of a piece that can be merged: the lowest rank first, and of equal ranks the first place.
 *
 * A long piece has far fewer ranks than places, so each rank has a list of its places, and only the ranks are
 * kept in a heap. A change then takes the same time in a piece of any length.
 */
export class RankQueue {
  private readonly rankAt: Int32Array;
  private readonly following: Int32Array;
  private readonly preceding: Int32Array;
  /** Each rank with a list that is not empty, and perhaps others. */
  private readonly heap: number[] = [];

  constructor(
    places: number,
    private readonly lists: RankLists,
  ) {
    this.rankAt = new Int32Array(places).fill(none);
    this.following = new Int32Array(places);
    this.preceding = new Int32Array(places);
  }

  /** Notes the rank of the pair at a place, or with `none` that there is none. */
  set(place: number, rank: number): void {
    if (this.rankAt[place]! !== none) this.remove(place);
    if (rank !== none) this.append(place, rank);
  }

  /** Returns the first place of the lowest rank, and removes it; `none` if there is no pair. */
  take(): number {
    const { first, isUnsorted } = this.lists;
    for (let rank = this.heap[0]; rank !== undefined; rank = this.heap[0]) {
      if (isUnsorted[rank]! !== 0) this.sort(rank);
      const place = first[rank]!;
      if (place !== none) {
        this.remove(place);
        return place;
      }
      popLowest(this.heap);
    }
    return none;
  }

  private append(place: number, rank: number): void {
    const { first, last, isUnsorted } = this.lists;
    const before = last[rank]!;
    this.rankAt[place] = rank;
    this.following[place] = none;
    this.preceding[place] = before;
    last[rank] = place;
    if (before === none) {
      first[rank] = place;
      pushLowest(this.heap, rank);
    } else {
      this.following[before] = place;
      if (before > place) isUnsorted[rank] = 1;
    }
  }

  private remove(place: number): void {
    const { first, last } = this.lists;
    const rank = this.rankAt[place]!;
    const before = this.preceding[place]!;
    const after = this.following[place]!;
    if (before === none) first[rank] = after;
    else this.following[before] = after;
    if (after === none) last[rank] = before;
    else this.preceding[after] = before;
    this.rankAt[place] = none;
  }

  private sort(rank: number): void {
    const { first, last, isUnsorted } = this.lists;
    const places: number[] = [];
    for (let place = first[rank]!; place !== none; place = this.following[place]!)
      places.push(place);
    places.sort((a, b) => a - b);
    let before = none;
    for (const place of places) {
      this.preceding[place] = before;
      if (before !== none) this.following[before] = place;
      before = place;
    }
    if (before !== none) this.following[before] = none;
    first[rank] = places[0] ?? none;
    last[rank] = before;
    isUnsorted[rank] = 0;
  }
}

function pushLowest(heap: number[], rank: number): void {
  let at = heap.push(rank) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= rank) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = rank;
}

function popLowest(heap: number[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child += 1;
    if (heap[child]! >= last) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
