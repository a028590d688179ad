import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { dropRest } from "./refused-body.ts";

afterEach(() => vi.useRealTimers());

async function requestOf(lengthSent: number) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("It listens on TCP.");
  const socket = connect(address.port, "127.0.0.1").on("error", () => undefined);
  socket.write(
    `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n${"x".repeat(lengthSent)}`,
  );
  const [request]: readonly IncomingMessage[] = await once(server, "request");
  return { request: request!, socket, stop: () => server.close() };
}

test("a client that stops in a refused body loses its connection after ten seconds", async () => {
  const { request, socket, stop } = await requestOf(500);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const dropped = dropRest(request);
  vi.advanceTimersByTime(9_999);
  expect(request.socket.destroyed).toBe(false);
  vi.advanceTimersByTime(1);
  await dropped;
  expect(request.socket.destroyed).toBe(true);
  socket.destroy();
  stop();
});

test("a client that sends all of a refused body keeps its connection", async () => {
  const { request, socket, stop } = await requestOf(1_000);
  await dropRest(request);
  expect(request.complete).toBe(true);
  expect(request.socket.destroyed).toBe(false);
  socket.destroy();
  stop();
});
