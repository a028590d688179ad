import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** A process of the bench that says one thing at a time, and answers what it is asked. */
export class Child {
  readonly pid: number;
  private readonly process: ChildProcess;
  private heard = Promise.withResolvers<unknown>();

  /** @param file path of the program from this folder; `args` are its own */
  constructor(file: string, args: readonly string[] = []) {
    this.process = fork(join(import.meta.dirname, file), args, {
      env: plainEnvironment(),
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.pid = this.process.pid ?? 0;
    this.process.on("message", (message) => this.heard.resolve(message));
    this.process.once("exit", (code, signal) => {
      this.heard.reject(new Error(`${file} ended with ${code ?? signal}.`));
    });
    // Who listens is told; that nobody listens when it is stopped is no fault.
    this.heard.promise.catch(() => undefined);
  }

  /** What it says next. @throws Error when it ends without a word. */
  async hear<T>(): Promise<T> {
    const message = await this.heard.promise;
    this.heard = Promise.withResolvers<unknown>();
    this.heard.promise.catch(() => undefined);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own processes
    return message as T;
  }

  async ask<T>(message: object): Promise<T> {
    this.process.send(message);
    return this.hear<T>();
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, "exit");
    if (this.process.connected) this.process.disconnect();
    await ended;
  }
}

/** Addresses and options of the developer's must not reach a stack that is measured. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("SLUICE_") || name === "SLUICE_CACHE_DIR",
  );
  const { NODE_OPTIONS: _unused, ...environment } = Object.fromEntries(kept);
  return environment;
}
