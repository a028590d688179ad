import { setTimeout as pause } from "node:timers/promises";
import type { ModelProfile } from "../models.ts";

/** The speed at which a model answers, with the simulator's own speed applied. */
export class Pace {
  readonly #profile: ModelProfile;
  readonly #speed: number;

  constructor(profile: ModelProfile, speed: number) {
    this.#profile = profile;
    this.#speed = speed;
  }

  /** Returns the time from the call until so many tokens of one answer are made, in milliseconds. */
  delayMs(tokens: number): number {
    const { firstByteMs, tokensPerSecond } = this.#profile;
    return (firstByteMs + (tokens / tokensPerSecond) * 1_000) / this.#speed;
  }

  /** Waits until an answer in one piece is made. A client that disconnects does not end it. */
  async whole(tokens: number): Promise<void> {
    await pause(this.delayMs(tokens));
  }

  /**
   * Waits until so many tokens of one answer are made.
   *
   * @param begunAt the time of the call by `performance.now()`
   * @throws the reason of the signal if the client disconnects
   */
  async until(tokens: number, begunAt: number, closed: AbortSignal): Promise<void> {
    const leftMs = begunAt + this.delayMs(tokens) - performance.now();
    if (leftMs >= 1) await pause(leftMs, undefined, { signal: closed });
    closed.throwIfAborted();
  }
}
