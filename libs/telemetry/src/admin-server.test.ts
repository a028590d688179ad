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
