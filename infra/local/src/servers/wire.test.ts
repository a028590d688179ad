import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { isKafkaReady } from "./kafka.ts";
import { isWholeAnswer } from "./kafka-wire.ts";
import { exchange } from "./wire.ts";

const account = { name: "sluice-admin", password: "a" };

/** Runs an action with the port of a server that answers everything with these bytes. */
async function withServer<Result>(
  bytes: Buffer,
  action: (port: number) => Promise<Result>,
): Promise<Result> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.write(bytes));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  try {
    return await action(port);
  } finally {
    server.close();
  }
}

test("a frame that cannot be made from the answer ends the exchange without an exception", async () => {
  const frames = [
    Buffer.from("first"),
    () => {
      throw new RangeError("The answer is too short.");
    },
  ];
  const answer = await withServer(Buffer.alloc(4), (port) =>
    exchange("127.0.0.1", port, frames, isWholeAnswer),
  );
  expect(answer).toBeUndefined();
});

test.each([
  ["a length of 0", Buffer.alloc(4)],
  ["a negative length", Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0])],
  ["a length of 10 and nothing else", Buffer.from([0, 0, 0, 10, ...Array<number>(10).fill(255)])],
  ["an answer of HTTP", Buffer.from("\0\0\0\x10HTTP/1.1 200 OK\r\n\r\n")],
  ["zeros", Buffer.from([0, 0, 0, 60, ...Array<number>(60).fill(0)])],
])("a server that answers %s is not a ready Kafka with accounts", async (_, bytes) => {
  const accounts = { admin: account, users: [] };
  const isReady = await withServer(bytes, (port) => isKafkaReady("127.0.0.1", port, accounts));
  expect(isReady).toBe(false);
});

test("a server that answers without an end is left", async () => {
  const chunk = Buffer.alloc(256 * 1024, 0x7f);
  const server = createServer((socket) => {
    const pump = () => {
      while (socket.write(chunk));
    };
    socket.on("error", () => undefined).on("drain", pump);
    socket.once("data", pump);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  const answer = await exchange("127.0.0.1", port, [Buffer.from("first")], isWholeAnswer);
  expect(answer).toBeUndefined();
  server.close();
});
