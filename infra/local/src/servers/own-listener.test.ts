import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { isOwnListener, listenersIn } from "./own-listener.ts";

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4A95 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 30163 1 0000000000000000 100 0 0 10 0
   1: 0100007F:4A95 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000  1001        0 30164 1 0000000000000000 100 0 0 10 0
   2: 00000000:4A95 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 30165 1 0000000000000000 100 0 0 10 0
   3: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
`;

test("the owners of all listening sockets of a port are found, on any address", () => {
  expect(listenersIn(table, 0x4a95)).toEqual([1000, 33]);
  expect(listenersIn(table, 80)).toEqual([0]);
  expect(listenersIn(table, 4)).toEqual([]);
});

test("a listener of this process is its own, and a port without a listener is not", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  expect(isOwnListener(port)).toBe(true);
  server.close();
  await once(server, "close");
  expect(isOwnListener(port)).toBe(process.platform !== "linux");
});

test.runIf(process.platform === "linux" && process.getuid?.() === 0)(
  "a listener of another account is not taken for one of this process",
  async () => {
    const script = `const server = require("node:net").createServer();
      server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;
    const child = spawn(process.execPath, ["-e", script], { uid: 54_321, gid: 54_321, cwd: "/" });
    const [printed] = await once(child.stdout, "data");
    expect(isOwnListener(Number(printed))).toBe(false);
    child.kill();
    await once(child, "exit");
  },
);
