import type { StackStatus } from "@sluice/local-stack";
import { labelledLine } from "../output.ts";

/** Returns a headline, all addresses of the stack, and a first curl command to try. */
export function readyText(status: StackStatus, headline: string): string {
  const { http, demoKey, simulator } = status;
  const addresses = [
    ["HTTP", http === null ? null : `${http}/v1 (OpenAI-compatible)`],
    ["API key", demoKey],
    ["Kafka", status.kafka],
    ["Schema registry", status.registry],
    ["Redis", status.redis],
    ["Redis (cache)", status.cacheRedis],
    ["Ledger", status.ledger],
    ["Simulator", simulator === null ? null : `${simulator} (simulated answers and bill)`],
  ] as const;
  const lines = addresses.flatMap(([name, address]) =>
    address ? [labelledLine(name, address)] : [],
  );
  const curl = http !== null && demoKey !== null ? `\nTry:\n\n${curlText(http, demoKey)}\n` : "";
  return `\n${headline}\n\n${lines.join("")}${curl}`;
}

function curlText(http: string, demoKey: string): string {
  const body = {
    model: "auto",
    messages: [{ role: "user", content: "What is a sluice gate?" }],
  };
  const lines = [
    `curl ${http}/v1/chat/completions`,
    `-H 'authorization: Bearer ${demoKey}'`,
    "-H 'content-type: application/json'",
    `-d '${JSON.stringify(body)}'`,
  ];
  return lines.map((line) => `  ${line}`).join(" \\\n  ");
}
