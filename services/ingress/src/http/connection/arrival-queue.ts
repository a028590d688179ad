import type { IngressMetrics } from "../../metrics.ts";
import { type ApiError, tooBusy, unauthenticated } from "../api-error.ts";
import { type LoopTime, Overload, realTime } from "./overload.ts";

/**
 * How long the requests of one turn of the event loop may take to begin, in milliseconds. Then the turn continues,
 * so that answers are sent and connections are accepted. Node accepts one connection in each turn: with
 * turns of 20 ms, the last of 500 new clients would wait for ten seconds.
 */
export const sliceMs = 2;
/** An overloaded process lets so many requests wait, and refuses the others. Fewer clients wait only for each other. */
export const waitingMax = 32;

/** The errors are made once, because the stack of a new one is a tenth of what a refusal costs. */
const busy = tooBusy();
const stranger = unauthenticated();

/** A request whose headers have arrived. */
export interface Arrival {
  /** Whether its client has left. */
  isGone(): boolean;
  hasKey(): boolean;
  begin(): void;
  refuse(error: ApiError): void;
}

/**
 * The requests that wait for CPU time. While the process has time, a request begins when it arrives.
 * Otherwise it waits in order. If the process is overloaded and enough requests wait, it is refused at once,
 * so that those that are accepted keep their latency. A request without a key never waits, because strangers
 * would take the places of tenants.
 */
export class ArrivalQueue {
  readonly #overload: Overload;
  readonly #waiting: { readonly arrival: Arrival; readonly since: number }[] = [];
  /** When the first request of this turn arrived; undefined if none has. */
  #turnBeganAt: number | undefined;

  constructor(
    private readonly metrics: IngressMetrics,
    private readonly time: LoopTime = realTime,
  ) {
    const waiting = () => ({
      count: this.#waiting.length,
      firstSince: this.#waiting[0]?.since ?? null,
    });
    this.#overload = new Overload(waiting, time);
  }

  /** Begins a request now or when it is its turn, or refuses it. */
  arrive(arrival: Arrival): void {
    const now = this.time.now();
    const isOverloaded = this.#overload.countArrival(now);
    const beganAt = this.#turnBeganAt ?? this.#beginTurn(now);
    if (this.#waiting.length === 0 && now - beganAt < sliceMs) {
      arrival.begin();
    } else if (!arrival.hasKey()) {
      this.metrics.decisions.inc({ decision: "refuse", reason: stranger.code });
      arrival.refuse(stranger);
    } else if (isOverloaded && this.#waiting.length >= waitingMax) {
      this.metrics.decisions.inc({ decision: "shed", reason: "delay" });
      arrival.refuse(busy);
    } else {
      this.#waiting.push({ arrival, since: now });
    }
  }

  #beginTurn(now: number): number {
    this.time.afterReading(() => this.#endTurn());
    this.#turnBeganAt = now;
    return now;
  }

  #endTurn(): void {
    const until = this.time.now() + sliceMs;
    while (this.#waiting.length > 0 && this.time.now() < until) this.#beginFirst();
    this.#turnBeganAt = undefined;
    if (this.#waiting.length > 0) this.#beginTurn(this.time.now());
  }

  #beginFirst(): void {
    const arrival = this.#waiting.shift()?.arrival;
    if (arrival?.isGone()) {
      this.metrics.decisions.inc({ decision: "refuse", reason: "client_closed" });
    } else {
      arrival?.begin();
    }
  }
}
