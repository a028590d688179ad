import { expect, test } from "vitest";
import { credentialsText } from "./credentials.ts";

const server = { host: "127.0.0.1", port: 1, user: "", password: "secret" };
const ledger = {
  ...server,
  url: "postgres://accountant:secret@127.0.0.1:1/sluice",
  database: "sluice",
};

test("each account is one line, and what a stack does not have is left out", () => {
  const redis = { ...server, url: "redis://:secret@127.0.0.1:1" };
  const parts = {
    ledger,
    ledgerOwner: null,
    redis,
    cacheRedis: redis,
    simulator: null,
    demoKey: null,
  };
  expect(credentialsText(parts)).toBe(
    [
      "  Ledger            postgres://accountant:secret@127.0.0.1:1/sluice",
      "  Redis             redis://:secret@127.0.0.1:1",
      "  Redis (cache)     redis://:secret@127.0.0.1:1",
      "",
    ].join("\n"),
  );
  const simulator = { url: "http://127.0.0.1:2", controlKey: "key" };
  expect(
    credentialsText({ ...parts, ledgerOwner: ledger, simulator, demoKey: "sk-sluice-demo-a" }),
  ).toMatch(
    /Ledger \(owner\) .*\n[^]*Simulator +http:\/\/127.0.0.1:2 {2}x-simulator-control-key: key\n +API key +sk-sluice-demo-a\n/,
  );
});
