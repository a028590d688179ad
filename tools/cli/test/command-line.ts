import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repositoryRoot } from "@sluice/local-stack";
import type { Pipeline } from "@sluice/testing";

const binary = join(repositoryRoot, "tools", "cli", "bin", "sluice.mjs");

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly ended: Promise<CommandResult>;
}

/** Runs the `sluice` command as a user would, on a pipeline of this test run. */
export class CommandLine {
  readonly #environment: NodeJS.ProcessEnv;

  constructor(private readonly pipeline: Pipeline) {
    this.#environment = {
      ...process.env,
      SLUICE_KAFKA_TOPIC_PREFIX: pipeline.topicPrefix,
      // The state file of a test's pipeline does not contain the demo key.
      SLUICE_API_KEY: pipeline.demoKey,
    };
  }

  start(args: readonly string[], input = ""): Running {
    const child = spawn(binary, [...args, "--data-dir", this.pipeline.dataDir], {
      env: this.#environment,
    });
    child.stdin.on("error", () => undefined).end(input);
    const texts = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.stderr += text));
    const ended = once(child, "close").then(([code]) => ({
      code: typeof code === "number" ? code : null,
      ...texts,
    }));
    return { child, stdout: () => texts.stdout, ended };
  }

  async run(...args: readonly string[]): Promise<CommandResult> {
    return this.start(args).ended;
  }

  /** Returns the JSON that `--json` printed. @throws if standard output contains anything else */
  async json(...args: readonly string[]): Promise<unknown> {
    const { stdout } = await this.run(...args, "--json");
    return JSON.parse(stdout);
  }
}
