import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AdminServer } from "./admin-server.ts";
import { Readiness } from "./readiness.ts";

let readiness: Readiness;
let server: AdminServer;
let address: string;

beforeEach(async () => {
  readiness = new Readiness();
  server = new AdminServer(readiness, new Registry());
  await server.listen(0, "127.0.0.1");
  address = `http://127.0.0.1:${server.port}`;
});
afterEach(() => server.close());

test("a service is ready when each of its dependencies is, and names the one that is not", async () => {
  readiness.add("kafka", () => true);
  expect((await fetch(`${address}/readyz`)).status).toBe(200);

  readiness.add("redis", () => Promise.reject(new Error("down")));
  const answer = await fetch(`${address}/readyz`);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({
    ready: false,
    dependencies: { kafka: true, redis: false },
  });
});

test("a service is alive while it is not ready", async () => {
  readiness.add("kafka", () => false);
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
});

test("an unknown path is answered with 404, and another method with 405", async () => {
  expect((await fetch(`${address}/secrets`)).status).toBe(404);
  expect((await fetch(`${address}/healthz`, { method: "POST" })).status).toBe(405);
});

test("GET requests for a forwarded path reach its listener, and other methods do not", async () => {
  server.forward("/own", (request, response) => response.end(`answer to ${request.url}`));
  expect(await (await fetch(`${address}/own?a=1`)).text()).toBe("answer to /own?a=1");
  expect((await fetch(`${address}/own`, { method: "POST" })).status).toBe(405);
});

test("a forwarded path with dots reaches its listener as the path that was matched", async () => {
  server.forward("/own", (request, response) => response.end(`answer to ${request.url}`));
  const socket = connect(server.port, "127.0.0.1");
  socket.end("GET /a/../own?a=1 HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
  expect(await text(socket)).toContain("answer to /own?a=1");
});

test("a path that cannot be parsed is answered with 500, and the server continues", async () => {
  const { port } = new URL(address);
  const socket = connect(Number(port), "127.0.0.1");
  socket.end("GET // HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
  expect(await text(socket)).toContain("500 Internal Server Error");
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
});
