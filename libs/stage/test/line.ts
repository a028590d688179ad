import net from "node:net";
import type { KafkaConnection } from "../src/index.ts";

/** The numbers of the requests that a test lets fail. */
export const requests = { fetch: 1, heartbeat: 12, joinGroup: 11, syncGroup: 14 } as const;

/**
 * The connection between a client and its broker, which a test can cut or freeze to imitate a crash,
 * a pause or a broken network.
 */
export class Line {
  private readonly sockets = new Set<net.Socket>();
  private readonly failing = new Map<number, number>();
  private readonly counts = new Map<number, number>();
  private isCut = false;
  /** What the client sent while the line was frozen; undefined if it is not. */
  private waiting: (() => void)[] | undefined;

  through(connection: KafkaConnection): KafkaConnection {
    return { ...connection, openSocket: (host, port) => this.open(host, port) };
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) breakOff(socket);
  }

  mend(): void {
    this.isCut = false;
  }

  /** Nothing arrives on either side until the line thaws, and its connections stay open. */
  freeze(): void {
    this.waiting = [];
    for (const socket of this.sockets) socket.pause();
  }

  thaw(): void {
    const { waiting = [] } = this;
    this.waiting = undefined;
    for (const send of waiting) send();
    for (const socket of this.sockets) socket.resume();
  }

  /** Breaks the connection off instead of sending the next requests of this kind. */
  failNext(request: number, times = 1): void {
    this.failing.set(request, times);
  }

  failuresLeft(request: number): number {
    return this.failing.get(request) ?? 0;
  }

  /** Returns how many requests of this kind were sent or broken off. */
  countOf(request: number): number {
    return this.counts.get(request) ?? 0;
  }

  private open(host: string, port: number): net.Socket {
    // Nothing listens on port 1, so the connection is refused at once.
    const socket = net.connect({ host, port: this.isCut ? 1 : port });
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
    if (this.waiting) socket.once("connect", () => this.waiting && socket.pause());
    const send = socket.write.bind(socket);
    socket.write = (bytes: Buffer, ...rest: never[]) => {
      if (this.fails(bytes.readInt16BE(4))) return breakOff(socket);
      if (!this.waiting) return send(bytes, ...rest);
      this.waiting.push(() => send(bytes, ...rest));
      return true;
    };
    return socket;
  }

  private fails(request: number): boolean {
    this.counts.set(request, this.countOf(request) + 1);
    const left = this.failuresLeft(request);
    if (left > 0) this.failing.set(request, left - 1);
    return left > 0;
  }
}

/** With an error, as a reset connection has, because the client does not notice a silent close. */
function breakOff(socket: net.Socket): boolean {
  socket.destroy(new Error("the line is cut"));
  return false;
}
