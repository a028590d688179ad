import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { silentLogger } from "../../core/logger.ts";
import { NoMetrics } from "../../core/metrics.ts";
import { KafkaProducer } from "./kafka-producer.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A broker that is frozen: its system accepts connections, and nothing answers. */
async function frozenBroker() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, connections: () => sockets.size };
}

it("asks the second address if the first one accepts connections and does not answer", async () => {
  const [first, second] = [await frozenBroker(), await frozenBroker()];
  const brokers = [first.address, second.address];
  const connection = { brokers, topicPrefix: "", clientId: "suite" };
  const metrics = new NoMetrics().forProducer();
  const producer = KafkaProducer.on(connection, silentLogger, metrics, { sendTimeoutMs: 2_000 });
  const message = { topic: "a", key: null, value: Buffer.from("x"), headers: {}, bytes: 1 };
  const publishing = producer.publish([{ ...message, partitionHint: 0 }]);
  await expect(publishing).rejects.toMatchObject({ code: "STAGE_BROKER_UNAVAILABLE" });
  expect(first.connections()).toBeGreaterThan(0);
  expect(second.connections()).toBeGreaterThan(0);
  await producer.close();
}, 30_000);
