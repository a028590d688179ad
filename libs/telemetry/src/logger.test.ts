import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";

test("members that a client attached to an error are not logged", () => {
  const lines: string[] = [];
  const logger = createLogger("test", "info");
  const stream = Object.getOwnPropertySymbols(logger).find(
    (s) => String(s) === "Symbol(pino.stream)",
  )!;
  Reflect.set(logger, stream, { write: (line: string) => lines.push(line) });

  const cause = Object.assign(new Error("refused"), { body: "a prompt", headers: "a secret" });
  logger.error({ error: new Error("call failed", { cause }) }, "provider");

  expect(lines.join()).toContain("refused");
  expect(lines.join()).not.toMatch(/a prompt|a secret/);
});
