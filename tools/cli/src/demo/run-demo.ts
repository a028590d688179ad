import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SluiceClient } from "@sluice/client";
import type { RegistryAccess } from "@sluice/contracts";
import { FileDeclarations } from "@sluice/declarations";
import { formatUsd } from "@sluice/domain";
import { repositoryRoot } from "@sluice/local-stack";
import type { KafkaConnection } from "@sluice/stage";
import type { DemoOutcome } from "./demo-outcome.ts";
import type { DemoClient } from "./demo-client.ts";
import { HttpDemoClient } from "./http-demo-client.ts";
import { mapConcurrently } from "./map-concurrently.ts";
import { KafkaDemoClient } from "./kafka-demo-client.ts";
import { type AccountantAccess, awaitAddition, type Expected, ledgerRows } from "./ledger-costs.ts";
import { type DemoPrompt, passesOf, readPrompts, type Transport } from "./prompts.ts";
import { ReceivedOutcomes } from "./received-outcomes.ts";
import { premiumOf, isSimulatedOnly } from "./simulated-only.ts";
import { summarise, type SummaryRow, totalOf } from "./summary.ts";
import { renderTable } from "./table.ts";

export interface DemoOptions {
  /** The base address of the HTTP edge, without `/v1`. */
  readonly http: string;
  /** The whole API key, `sk-sluice-<key id>-<secret>`. */
  readonly demoKey: string;
  readonly kafka: KafkaConnection;
  readonly registryUrl: string;
  readonly registryAccess: RegistryAccess;
  readonly accountant: AccountantAccess;
  /** The path of the sluice.yaml that the services read. The demo takes prices and the premium model from it. */
  readonly configPath: string;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Number of requests that run at once. */
const concurrency = 8;
/** A pause before the repeats. Cache-lookup fills the cache from the topic that we read, and may be behind us. */
const fillMs = 500;
const ledgerLimitMs = 30_000;

/**
 * Sends the prompts of examples/prompts over HTTP and Kafka, and prints what they cost.
 *
 * @returns false if the demo was skipped, because a real provider would charge for it
 * @throws the error of a transport that fails; the stack keeps running
 */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const { print, signal, accountant, configPath } = options;
  const declarations = FileDeclarations.read(configPath, {
    // The value does not matter here, because the demo calls no provider.
    SLUICE_SIMULATOR_URL: "http://127.0.0.1/v1",
    ...process.env,
  });
  if (!isSimulatedOnly(declarations)) {
    print(
      "\nThe demo was skipped: sluice.yaml declares a real provider, which would charge for it.\n",
    );
    return false;
  }
  const premium = {
    variant: premiumOf(declarations),
    priceBook: declarations.priceBook(),
    now: Date.now(),
  };
  const passes = passesOf(readPrompts(join(repositoryRoot, "examples/prompts/prompts.jsonl")));
  const before = await ledgerRows(accountant, signal);
  const outcomes = await sendAll(options, passes.first, passes.repeats);
  const addition = await awaitAddition(
    accountant,
    before,
    expectedOf(outcomes),
    ledgerLimitMs,
    signal,
  );
  const rows = summarise(addition.rows, outcomes, premium);
  print(`\n${renderTable(rows)}\n${comparisonOf(rows, premium.variant)}${failuresOf(outcomes)}`);
  if (!addition.complete)
    print(
      `  The ledger did not catch up within ${ledgerLimitMs / 1000} s, so these sums are not final.\n`,
    );
  return true;
}

async function sendAll(
  options: DemoOptions,
  first: readonly DemoPrompt[],
  repeats: readonly DemoPrompt[],
): Promise<readonly DemoOutcome[]> {
  const { print, signal } = options;
  const client = await SluiceClient.connect({
    ...options.kafka,
    registryUrl: options.registryUrl,
    registryAccess: options.registryAccess,
    apiKey: options.demoKey,
  });
  const received = new ReceivedOutcomes();
  const done = new AbortController();
  const responses = client.responses({ signal: done.signal });
  // If the responses cannot be read, the demo continues and assumes one attempt per answer.
  const reading = received.collect(responses).catch(() => undefined);
  try {
    await responses.begun();
    const clients: Readonly<Record<Transport, DemoClient>> = {
      http: new HttpDemoClient(options.http, options.demoKey, received),
      kafka: new KafkaDemoClient(client),
    };
    print(
      `\nDemo: ${first.length + repeats.length} real prompts, half over HTTP and half over Kafka.` +
        "\nAnswers, tokens and prices are SIMULATED; no provider is called.\n\n",
    );
    const pass = (prompts: readonly DemoPrompt[], name: string) =>
      mapConcurrently(
        prompts,
        concurrency,
        withProgress(prompts.length, name, print, clients, signal),
      );
    const answered = await pass(first, "new prompts");
    await sleep(fillMs, undefined, { signal });
    return [...answered, ...(await pass(repeats, "repeated prompts"))];
  } finally {
    done.abort();
    await client.close();
    await reading;
  }
}

/** Returns a function that sends one prompt, and that prints the progress after each quarter. */
function withProgress(
  total: number,
  name: string,
  print: (text: string) => void,
  clients: Readonly<Record<Transport, DemoClient>>,
  signal: AbortSignal,
): (prompt: DemoPrompt) => Promise<DemoOutcome> {
  const startMs = Date.now();
  const step = Math.ceil(total / 4);
  let done = 0;
  return async ({ prompt, transport }) => {
    signal.throwIfAborted();
    const outcome = await clients[transport].ask(prompt, signal);
    done += 1;
    const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
    if (done % step === 0 || done === total)
      print(`  ${name}: ${done} of ${total} after ${seconds} s\n`);
    return outcome;
  };
}

function expectedOf(outcomes: readonly DemoOutcome[]): Expected {
  return {
    attempts: outcomes.reduce((sum, { attempts }) => sum + attempts, 0),
    hits: outcomes.filter((outcome) => outcome.kind === "answered" && outcome.cache === "exact")
      .length,
  };
}

function comparisonOf(rows: readonly SummaryRow[], variant: string): string {
  const { spendNanoUsd, premiumNanoUsd } = totalOf(rows);
  const share = premiumNanoUsd > 0n ? Number((spendNanoUsd * 1000n) / premiumNanoUsd) / 10 : 100;
  return [
    `Spent $${formatUsd(spendNanoUsd)}, ${share} % of the $${formatUsd(premiumNanoUsd)} that ${variant} alone would have cost.`,
    `"premium alone" prices the tokens of every answer, class by class, at the rates of`,
    `${variant} in sluice.yaml, without a response cache. A hit counts the tokens of the answer`,
    "that it repeats. Spend and saved come from the ledger. All figures are simulated.",
  ]
    .map((line) => `  ${line}\n`)
    .join("");
}

function failuresOf(outcomes: readonly DemoOutcome[]): string {
  const codes = outcomes.flatMap((outcome) =>
    outcome.kind === "unanswered" ? [outcome.code] : [],
  );
  if (codes.length === 0) return "";
  return `  Requests without an answer: ${codes.length} (${[...new Set(codes)].join(", ")}).\n`;
}
