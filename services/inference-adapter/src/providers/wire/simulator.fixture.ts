import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** An attempt on the simulator's bill. */
export interface BilledAttempt {
  readonly attemptId: string;
  readonly model: string;
  readonly calls: number;
  readonly billedCalls: number;
  readonly open: number;
  readonly usage: {
    readonly inputTokens: number;
    readonly cachedInputTokens: number;
    readonly outputTokens: number;
    readonly reasoningTokens: number;
  };
  readonly costNanoUsd: string;
}

export interface Simulator {
  readonly url: string;
  bill(): Promise<readonly BilledAttempt[]>;
  script(script: object): Promise<void>;
  stop(): Promise<void>;
}

const controlKey = "sk-fixture-control";
const headers = { "x-simulator-control-key": controlKey };
const main = new URL("../../../../../tools/provider-simulator/src/main.ts", import.meta.url);

/**
 * Starts the provider simulator as a process of its own, on a free port.
 *
 * @param key the bearer token that it requires
 * @param speed how many times as fast as real time it answers
 */
export async function startSimulator(key: string, speed = 20): Promise<Simulator> {
  const sources = ["--conditions=@sluice/source", "--import", "@oxc-node/core/register"];
  const child = spawn(process.execPath, [...sources, main.pathname], {
    env: {
      ...process.env,
      SLUICE_SIMULATOR_PORT: "0",
      SLUICE_SIMULATOR_KEY: key,
      SLUICE_SIMULATOR_CONTROL_KEY: controlKey,
      SLUICE_SIMULATOR_SPEED: String(speed),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const url = await firstAddressOf(child.stdout);
  return {
    url,
    bill: async () => {
      const response = await fetch(`${url}/bill`, { headers });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the simulator's own format
      const { attempts } = (await response.json()) as { attempts: BilledAttempt[] };
      return attempts;
    },
    script: async (script) => {
      await fetch(`${url}/script`, { method: "POST", headers, body: JSON.stringify(script) });
    },
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function firstAddressOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [address] = /http:\S+/.exec(line) ?? [];
    if (address) return address;
  }
  throw new Error("The provider simulator exited before it printed its address.");
}
