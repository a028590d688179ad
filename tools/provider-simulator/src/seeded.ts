import { createHash } from "node:crypto";

/**
 * Returns the SHA-256 of the parts in lower-case hex. The parts are encoded as JSON, so that different lists
 * never give the same text.
 */
export function digestOf(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** Returns a number in [0, 1) that depends on the parts only. */
export function fractionOf(...parts: readonly unknown[]): number {
  return Number.parseInt(digestOf(...parts).slice(0, 12), 16) / 2 ** 48;
}

/** A repeatable stream of numbers (mulberry32), so that the same seed gives the same text. */
export class SeededNumbers {
  #state: number;

  constructor(...seed: readonly unknown[]) {
    this.#state = Number.parseInt(digestOf(...seed).slice(0, 8), 16);
  }

  /** Returns the next number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Returns the next whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** Returns the next element of a non-empty list. */
  pick<T extends string>(list: readonly T[]): T {
    const picked = list[this.between(0, list.length - 1)];
    if (picked === undefined) throw new Error("No element can be picked from an empty list.");
    return picked;
  }
}
