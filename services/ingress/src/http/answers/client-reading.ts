import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, EpochMillis } from "@sluice/domain";
import type { MemoryBudget } from "../connection/memory-budget.ts";

/** After the deadline. An answer may arrive until then, and its client needs time to read it. */
const graceMs = 5_000;
/** What a client has to read an answer that arrived at the last moment. */
const readMsMin = 2_000;

/** Makes the {@link ClientReading} of each response. */
export class ClientReadings {
  constructor(
    readonly memory: MemoryBudget,
    readonly clock: Clock,
    /** How long a client may read nothing, in milliseconds. */
    readonly idleMs: number,
  ) {}

  /** @param deadlineAt when the answer is no longer needed */
  of(response: ServerResponse, deadlineAt: EpochMillis): ClientReading {
    return new ClientReading(response, deadlineAt, this);
  }
}

/**
 * Waits while one client reads its response. The connection is closed if the client reads nothing
 * for the idle time, if it has not read the answer some seconds after the deadline, or if there is
 * no memory for what it has not read. A client that does not read would otherwise keep its place and
 * its answer in memory for as long as it likes.
 */
export class ClientReading {
  constructor(
    readonly response: ServerResponse,
    private readonly deadlineAt: EpochMillis,
    private readonly shared: ClientReadings,
  ) {}

  /** Writes a part of the response. Resolves when the client may be sent more, or its connection is closed. */
  async write(text: string): Promise<void> {
    const { response } = this;
    if (response.destroyed || response.write(text)) return;
    const held = this.shared.memory.takeResponse(response.writableLength);
    if (!held) {
      response.destroy();
      return;
    }
    await this.#until("drain");
    held.release();
  }

  /** Writes all parts and ends the response. Other requests run between two parts, however fast the client reads. */
  async writeParts(parts: Iterable<string>): Promise<void> {
    for (const part of parts) {
      await this.write(part);
      if (this.response.destroyed) return;
      await nextTurn();
    }
    await this.end();
  }

  /**
   * Takes the bytes of a response from the budget until the response has ended. Returns false if
   * they do not fit, and then nothing of it may be written.
   */
  reserve(bytes: number): boolean {
    // A client that left during the look-up is not written to, and no event would release the bytes.
    if (this.response.destroyed) return true;
    const held = this.shared.memory.takeResponse(bytes);
    if (held) this.response.once("close", () => held.release());
    return held !== undefined;
  }

  /** Ends the response. Resolves when the client has read it, or its connection is closed. */
  async end(): Promise<void> {
    this.response.end();
    await this.finished();
  }

  /** Resolves when the client has read the response that was given to Node, or its connection is closed. */
  async finished(): Promise<void> {
    const { response } = this;
    if (response.destroyed || response.writableFinished) return;
    await this.#until("finish");
  }

  async #until(event: "drain" | "finish"): Promise<void> {
    const { response } = this;
    const { socket } = response;
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, idleMs } = this.shared;
    const leftMs = Math.max(this.deadlineAt + graceMs - clock.now(), readMsMin);
    const late = setTimeout(() => response.destroy(), leftMs);
    response.once(event, resolve).once("close", resolve);
    // Node closes a connection when this expires. Bytes that the client has read begin the time again.
    socket?.setTimeout(idleMs);
    await promise;
    clearTimeout(late);
    response.off(event, resolve).off("close", resolve);
    // After the end, the socket has the timeout of a connection that is kept alive.
    if (event === "drain") socket?.setTimeout(0);
  }
}
