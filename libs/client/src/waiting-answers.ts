import type { InferenceResponded } from "@sluice/contracts";
import { SluiceError } from "./errors.ts";

interface Waiting {
  readonly take: (response: InferenceResponded | undefined) => void;
  readonly refuse: (reason: unknown) => void;
}

/** Who waits for which request's outcome. Bounded; what nobody waits for passes by. */
export class WaitingAnswers {
  readonly #waiting = new Map<string, Set<Waiting>>();
  #count = 0;

  constructor(private readonly waitingMax: number) {}

  arrived(response: InferenceResponded): void {
    for (const { take } of this.#waiting.get(response.requestId) ?? []) take(response);
  }

  /** Responses cannot be read any more: all that wait are told at once. */
  broke(error: Error): void {
    for (const each of this.#waiting.values()) for (const { refuse } of each) refuse(error);
  }

  /** @throws SluiceError `CLIENT_TOO_MANY_WAITING`; asked before a request is sent that nobody could wait for */
  ensureRoom(requestId: string): void {
    if (this.#count >= this.waitingMax)
      throw new SluiceError(
        "CLIENT_TOO_MANY_WAITING",
        `${this.waitingMax} requests wait for their answers already.`,
        { requestId, remedy: "Ask fewer at once, or raise asksMax." },
      );
  }

  /**
   * The first outcome of the request from now on; all are equal.
   *
   * @returns undefined when it has not come within `timeoutMs`
   * @throws the reason of `interrupted`; what `broke` was told
   */
  async answerTo(
    requestId: string,
    timeoutMs: number,
    interrupted: AbortSignal,
  ): Promise<InferenceResponded | undefined> {
    interrupted.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<InferenceResponded | undefined>();
    const waiting: Waiting = { take: resolve, refuse: reject };
    const stop = (): void => reject(interrupted.reason);
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    interrupted.addEventListener("abort", stop, { once: true });
    this.#add(requestId, waiting);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      interrupted.removeEventListener("abort", stop);
      this.#remove(requestId, waiting);
    }
  }

  #add(requestId: string, waiting: Waiting): void {
    this.#count += 1;
    const same = this.#waiting.get(requestId) ?? new Set();
    this.#waiting.set(requestId, same.add(waiting));
  }

  #remove(requestId: string, waiting: Waiting): void {
    this.#count -= 1;
    const same = this.#waiting.get(requestId);
    same?.delete(waiting);
    if (same?.size === 0) this.#waiting.delete(requestId);
  }
}
