import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  connectRedis,
  connectSubscriber,
  isRedisReady,
  readRedisMemory,
  type Redis,
  redisScript,
  runScript,
  stateCommandTimeoutMs,
} from "../src/index.ts";

const url = process.env["SLUICE_REDIS_URL"]!;

/** Returns the address of the server behind a proxy, with its password. */
function throughPort(port: number): string {
  const address = new URL(url);
  address.host = `127.0.0.1:${port}`;
  return address.href;
}
const key = `{${randomUUID()}}:script`;
let redis: Redis;

beforeAll(async () => {
  redis = connectRedis(url, { name: "redis-suite", commandTimeoutMs: stateCommandTimeoutMs });
  await once(redis, "ready");
});
afterAll(async () => {
  await redis.del(key);
  redis.disconnect();
});

test("a script runs once per call, in order, and returns bytes as they are", async () => {
  const script = redisScript(`-- ${randomUUID()}`, "return {redis.call('INCR', KEYS[1]), ARGV[1]}");
  const bytes = Buffer.from([0, 255, 128]);
  const call = { keys: [key], args: [bytes] };
  expect(await runScript(redis, script, [call, call])).toEqual([
    [1, bytes],
    [2, bytes],
  ]);
});

test("a script is loaded again when the server has forgotten it", async () => {
  const script = redisScript(`-- ${randomUUID()}`, "return 7");
  const call = { keys: [key], args: [] };
  expect(await runScript(redis, script, [call])).toEqual([7]);
  await redis.script("FLUSH");
  expect(await runScript(redis, script, [call, call])).toEqual([7, 7]);
});

test("commands of one turn of the event loop are sent in one write, and each gets its answer", async () => {
  const script = redisScript(`-- ${randomUUID()}`, "return tonumber(ARGV[1])");
  const ask = (number: number) => runScript(redis, script, [{ keys: [key], args: [number] }]);
  await ask(0);
  const writes = vi.spyOn(redis.stream, "_writev");
  const single = vi.spyOn(redis.stream, "_write");
  expect(await Promise.all([ask(1), ask(2), ask(3)])).toEqual([[1], [2], [3]]);
  expect(writes).toHaveBeenCalledTimes(1);
  expect(single).not.toHaveBeenCalled();
  expect(await ask(4)).toEqual([4]);
});

test("an error in a script is a defect, not an outage", async () => {
  const script = redisScript("return redis.call('HSET', KEYS[1])");
  await expect(runScript(redis, script, [{ keys: [key], args: [] }])).rejects.toMatchObject({
    code: "REDIS_REFUSED",
  });
});

test("without a server a command fails at once, and works again when the server is back", async () => {
  const { port, hostname } = new URL(url);
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    client.pipe(upstream).pipe(client);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const proxyPort = portOf(proxy);
  const client = connectRedis(throughPort(proxyPort), {
    name: "redis-suite-proxied",
    commandTimeoutMs: stateCommandTimeoutMs,
  });
  await once(client, "ready");

  for (const socket of sockets) socket.destroy();
  proxy.close();
  await once(client, "close");
  const call = { keys: [key], args: [] };
  const failedAt = performance.now();
  await expect(runScript(client, redisScript("return 1"), [call])).rejects.toMatchObject({
    code: "REDIS_UNAVAILABLE",
  });
  expect(await isRedisReady(client)).toBe(false);
  expect(performance.now() - failedAt).toBeLessThan(stateCommandTimeoutMs / 2);

  proxy.listen(proxyPort, "127.0.0.1");
  await once(client, "ready");
  expect(await isRedisReady(client)).toBe(true);
  client.disconnect();
  for (const socket of sockets) socket.destroy();
  proxy.close();
});

test("a server that accepts and does not answer is an outage within the command timeout", async () => {
  const mute = createServer((socket) => socket.on("error", () => socket.destroy()));
  mute.listen(0, "127.0.0.1");
  await once(mute, "listening");
  const client = connectRedis(`redis://127.0.0.1:${portOf(mute)}`, { name: "redis-suite-mute" });
  const startedAt = performance.now();
  expect(await isRedisReady(client)).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  client.disconnect();
  mute.close();
});

test("the memory of the server is read, with its limit", async () => {
  const { usedBytes, limitBytes } = await readRedisMemory(redis);
  expect(usedBytes).toBeGreaterThan(100_000);
  expect(limitBytes).toBeGreaterThan(usedBytes);
});

test("a subscriber receives what is published after it subscribed", async () => {
  const subscriber = connectSubscriber(url, { name: "redis-suite-subscriber" });
  await once(subscriber, "ready");
  await subscriber.subscribe(key);
  const heard = once(subscriber, "message");
  await redis.publish(key, "hello");
  expect(await heard).toEqual([key, "hello"]);
  subscriber.disconnect();
});

test("a subscriber on a path that drops everything reconnects within seconds, and receives again", async () => {
  const { port, hostname } = new URL(url);
  const dropping = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const relay = (from: Socket, to: Socket): void => {
      from.on("data", (data) => !dropping.has(client) && to.write(data));
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    };
    relay(client, upstream);
    relay(upstream, client);
    paths.push(client);
  });
  const paths: Socket[] = [];
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const subscriber = connectSubscriber(throughPort(portOf(proxy)), {
    name: "redis-suite-dropped",
  });
  await once(subscriber, "ready");
  await subscriber.subscribe(key);
  dropping.add(paths[0]!);
  // Not `once` of Node, which fails on the error that the dropped connection emits.
  await new Promise((resolve) => subscriber.once("ready", resolve));
  await subscriber.subscribe(key);
  const heard = once(subscriber, "message");
  await redis.publish(key, "again");
  expect(await heard).toEqual([key, "again"]);
  subscriber.disconnect();
  proxy.close();
}, 30_000);

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return address.port;
}
