import type { InferenceResponded } from "@sluice/contracts";
import { SluiceError } from "./errors.ts";

interface Waiting {
  readonly take: (response: InferenceResponded | undefined) => void;
  readonly refuse: (reason: unknown) => void;
}

/** The calls that wait for the outcome of a request, up to a bound. Other outcomes are ignored. */
export class WaitingAnswers {
  readonly #waiting = new Map<string, Set<Waiting>>();
  #count = 0;

  constructor(private readonly waitingMax: number) {}

  /** Resolves the calls that wait for this response. */
  resolve(response: InferenceResponded): void {
    for (const { take } of this.#waiting.get(response.requestId) ?? []) take(response);
  }

  /** Rejects all waiting calls, because responses can no longer be read. */
  rejectAll(error: Error): void {
    for (const each of this.#waiting.values()) for (const { refuse } of each) refuse(error);
  }

  /** Checks before a request is sent that a call can wait for it. @throws SluiceError `CLIENT_TOO_MANY_WAITING` */
  ensureRoom(requestId: string): void {
    if (this.#count >= this.waitingMax)
      throw new SluiceError(
        "CLIENT_TOO_MANY_WAITING",
        `${this.waitingMax} requests already wait for their responses.`,
        { requestId, remedy: "Send fewer requests at the same time, or raise asksMax." },
      );
  }

  /**
   * Returns the next outcome of the request, or undefined if none arrives within `timeoutMs`.
   * All outcomes of a request are equal.
   *
   * @throws the reason of `interrupted`; the error of {@link rejectAll}
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
