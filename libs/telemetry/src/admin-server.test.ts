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

async function sent(head: string, port = server.port): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(`${head}connection: close\r\n\r\n`);
  return text(socket);
}

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
  socket.end("GET /a/../own?a=1 HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
  expect(await text(socket)).toContain("answer to /own?a=1");
});

test("a request under a foreign host name, or under two, is refused on every path", async () => {
  server.forward("/costs", (_request, response) => response.end("what all tenants spent"));
  for (const path of ["/costs", "/metrics", "/healthz"]) {
    const answer = await sent(`GET ${path} HTTP/1.1\r\nhost: evil.example\r\n`);
    expect(answer).toContain("421 Misdirected Request");
    expect(answer).toContain("SLUICE_ADMIN_NAMES");
    expect(answer).not.toContain("spent");
  }
  const twice = await sent("GET /costs HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n");
  expect(twice).toContain("400 Bad Request");
  expect(await sent("GET /costs HTTP/1.0\r\n")).toContain("what all tenants spent");
});

test("a declared name is accepted", async () => {
  const named = new AdminServer(readiness, new Registry());
  await named.listen(0, "127.0.0.1", ["ingress"]);
  const request = "GET /healthz HTTP/1.1\r\nhost: ingress:19100\r\n";
  expect(await sent(request, named.port)).toContain("200 OK");
  await named.close();
});

test("a path that cannot be parsed is answered with 400, and the server continues", async () => {
  const { port } = new URL(address);
  const socket = connect(Number(port), "127.0.0.1");
  socket.end("GET // HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
  expect(await text(socket)).toContain("400 Bad Request");
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
});
