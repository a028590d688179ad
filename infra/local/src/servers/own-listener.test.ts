import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { assertPortsFree, defaultPorts } from "../ports.ts";
import { isOwnListener, listenersIn } from "./own-listener.ts";

/** Returns a line of the table. @param state `0A` for a socket that listens */
function line(address: string, port: number, uid: number, state = "0A"): string {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return `   0: ${address}:${hex} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 30163 1 0000000000000000 100 0 0 10 0`;
}
const v4 = "0100007F";
const v6 = "0000000000000000FFFF00000100007F";
const [any4, any6] = ["0".repeat(8), "0".repeat(32)];

test.each([
  ["a socket for 127.0.0.1", [line(v4, 80, 1000)], [1000]],
  ["a socket for it in the form of IPv6", [line(v6, 80, 1000)], [1000]],
  ["a socket for all addresses", [line(any4, 80, 1000)], [1000]],
  ["a socket for all addresses of IPv6", [line(any6, 80, 1000)], [1000]],
  ["sockets for all addresses of two accounts", [line(any4, 80, 1), line(any6, 80, 2)], [1, 2]],
  ["only the socket for 127.0.0.1", [line(v4, 80, 1), line(any6, 80, 2)], [1]],
  ["no socket for another address", [line("0200007F", 80, 1), line("0A00000A", 80, 1)], []],
  ["no socket for ::1", [line("00000000000000000000000001000000", 80, 1)], []],
  ["no socket of a connection", [line(v4, 80, 1, "01")], []],
  ["no socket of another port", [line(v4, 0x1050, 1), line(v4, 0x8000, 1)], []],
])("of the listeners of a port, %s counts", (_, lines, expected) => {
  expect(listenersIn(["  sl  local_address rem_address   st", ...lines].join("\n"), 80)).toEqual(
    expected,
  );
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
    const port = Number(printed);
    expect(isOwnListener(port)).toBe(false);
    await expect(assertPortsFree({ ...defaultPorts, redis: port }, ["redis"])).rejects.toThrow(
      `${port} (redis, SLUICE_REDIS_PORT, held by the account with the user id 54321)`,
    );
    child.kill();
    await once(child, "exit");
  },
);
