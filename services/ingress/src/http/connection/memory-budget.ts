import type { IngressMetrics } from "../../metrics.ts";

/** Bodies of requests receive at most this share. The rest is for answers, because a request with an answer is already paid. */
const bodyShare = 0.75;

/** Bytes that one client occupies in this process. */
export interface HeldBytes {
  /** Gives back what a body turned out not to need. */
  shrinkTo(bytes: number): void;
  /** Gives back the rest. Only the first call has an effect. */
  release(): void;
}

/**
 * Bounds the bytes that this process holds for all clients: the bodies of requests, from the first
 * byte until the response ends, and what clients have not yet read of their responses. A limit on
 * the number of requests does not bound memory, because one request may have 768 KiB.
 */
export class MemoryBudget {
  #held = 0;

  constructor(
    private readonly bytesMax: number,
    private readonly metrics: IngressMetrics,
  ) {}

  /** Returns undefined if a body of this length does not fit. */
  takeBody(bytes: number): HeldBytes | undefined {
    return this.#take(bytes, this.bytesMax * bodyShare);
  }

  /** Returns undefined if this much of a response does not fit. */
  takeResponse(bytes: number): HeldBytes | undefined {
    return this.#take(bytes, this.bytesMax);
  }

  #take(bytes: number, bytesMax: number): HeldBytes | undefined {
    if (this.#held + bytes > bytesMax) {
      this.metrics.decisions.inc({ decision: "shed", reason: "memory" });
      return undefined;
    }
    let own = bytes;
    const resize = (to: number): void => {
      this.#add(to - own);
      own = to;
    };
    this.#add(bytes);
    return { shrinkTo: (to) => resize(Math.min(to, own)), release: () => resize(0) };
  }

  #add(bytes: number): void {
    this.#held += bytes;
    this.metrics.heldBytes.set(this.#held);
  }
}
