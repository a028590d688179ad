import net from "node:net";
import type { KafkaConnection } from "../src/index.ts";

/** The line between a client and its broker, which a test can cut: what a crash or a dead network looks like from outside. */
export class Line {
  private readonly sockets = new Set<net.Socket>();
  private isCut = false;

  through(connection: KafkaConnection): KafkaConnection {
    return { ...connection, openSocket: (host, port) => this.open(host, port) };
  }

  cut(): void {
    this.isCut = true;
    // With an error, as a reset connection has: the client does not notice a silent close.
    for (const socket of this.sockets) socket.destroy(new Error("the line is cut"));
  }

  mend(): void {
    this.isCut = false;
  }

  private open(host: string, port: number): net.Socket {
    // Nobody listens on port 1: refused at once.
    const socket = net.connect({ host, port: this.isCut ? 1 : port });
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
    return socket;
  }
}
