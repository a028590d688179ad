import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** A child process of the bench. It sends one message at a time and answers each request with one message. */
export class Child {
  readonly pid: number;
  private readonly process: ChildProcess;
  private nextMessage = Promise.withResolvers<unknown>();

  /**
   * @param file path of the program, relative to the folder of this file
   * @param args arguments of the program
   */
  constructor(file: string, args: readonly string[] = []) {
    this.process = fork(join(import.meta.dirname, file), args, {
      env: plainEnvironment(),
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.pid = this.process.pid ?? 0;
    this.process.on("message", (message) => this.nextMessage.resolve(message));
    this.process.once("exit", (code, signal) => {
      this.nextMessage.reject(new Error(`${file} ended with ${code ?? signal}.`));
    });
    // A pending `receive` gets this rejection. Without a handler, an exit while none is pending would end the bench.
    this.nextMessage.promise.catch(() => undefined);
  }

  /**
   * Returns the next message of the process.
   *
   * @throws Error if the process exits without a message.
   */
  async receive<T>(): Promise<T> {
    const message = await this.nextMessage.promise;
    this.nextMessage = Promise.withResolvers<unknown>();
    this.nextMessage.promise.catch(() => undefined);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the message comes from our own process
    return message as T;
  }

  /** Sends a request and returns the answer. */
  async request<T>(message: object): Promise<T> {
    this.process.send(message);
    return this.receive<T>();
  }

  /** Disconnects from the process, which makes it exit, and waits for its exit. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, "exit");
    if (this.process.connected) this.process.disconnect();
    await ended;
  }
}

/**
 * Returns the environment without the developer's own addresses and options, which would change the measured
 * stack.
 */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("SLUICE_") || name === "SLUICE_CACHE_DIR",
  );
  const { NODE_OPTIONS: _unused, ...environment } = Object.fromEntries(kept);
  return environment;
}
