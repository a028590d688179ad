import net from "node:net";
import type { KafkaConnection } from "../src/index.ts";

/**
 * The connection between a client and its broker, which a test can cut to imitate a crash or a
 * broken network.
 */
export class Line {
  private readonly sockets = new Set<net.Socket>();
  private isCut = false;

  through(connection: KafkaConnection): KafkaConnection {
    return { ...connection, openSocket: (host, port) => this.open(host, port) };
  }

  cut(): void {
    this.isCut = true;
    // Destroys it with an error, as a reset connection has, because the client does not notice a silent close.
    for (const socket of this.sockets) socket.destroy(new Error("the line is cut"));
  }

  mend(): void {
    this.isCut = false;
  }

  private open(host: string, port: number): net.Socket {
    // Nothing listens on port 1, so the connection is refused at once.
    const socket = net.connect({ host, port: this.isCut ? 1 : port });
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
    return socket;
  }
}
