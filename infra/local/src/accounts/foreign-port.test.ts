import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { temporaryDir } from "../../test/fake-program.ts";
import { redisProgram } from "../servers/redis.ts";
import { registryFrontProgram } from "./registry-front-program.ts";

const accounts = new Map([["admin", { name: "sluice-admin", password: "secret" }]]);
const isRoot = process.platform === "linux" && process.getuid?.() === 0;

/** Answers as both servers would, and prints its port and then what it receives. */
const script = `
  const answerTo = (text) =>
    text.includes("HTTP") ? "HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n"
      : text.includes("AUTH") ? "+OK\\r\\n"
      : "redis_version:8.0.0\\r\\nprocess_id:1\\r\\n";
  const server = require("node:net").createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      console.log(String(bytes));
      socket.write(answerTo(String(bytes)));
    });
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;

async function receivedBy(uid: number, probe: (port: number) => Promise<boolean>) {
  const child = spawn(process.execPath, ["-e", script], { uid, gid: uid, cwd: "/" });
  const lines: string[] = [];
  child.stdout.on("data", (bytes: Buffer) => lines.push(bytes.toString()));
  await once(child.stdout, "data");
  const isReady = await probe(Number(lines[0]));
  child.kill();
  await once(child, "close");
  return { isReady, received: lines.slice(1).join("") };
}

const probes: readonly [string, (port: number) => Promise<boolean>][] = [
  ["the registry's front", (port) => registryFrontProgram(port, "/a", accounts, {}).isReady()],
  [
    "Redis",
    (port) => {
      const command = "redis-server";
      const common = { part: "redis", command, port, environment: {} } as const;
      return redisProgram({ ...common, dataDir: temporaryDir(), password: "secret" }).isReady();
    },
  ],
];

test.runIf(isRoot).each(probes)(
  "the check of %s sends nothing to a process of another account, and its password to our own",
  async (_, probe) => {
    expect(await receivedBy(54_321, probe)).toEqual({ isReady: false, received: "" });
    const own = await receivedBy(0, probe);
    expect(own.isReady).toBe(true);
    expect(own.received).toMatch(/AUTH secret|authorization: Basic /i);
  },
);

test("the program in front of the registry is started again by each launcher, because it is our own code", () => {
  expect(registryFrontProgram(1, "/a", accounts, {}).adoptable).toBe(false);
});
