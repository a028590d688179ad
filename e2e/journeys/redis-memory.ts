import { connect } from "node:net";
import { buffer } from "node:stream/consumers";

/** The keys of an installation in Redis, by its topic prefix. */
export class RedisMemory {
  readonly #url: URL;
  readonly #prefix: string;

  constructor(redisUrl: string, topicPrefix: string) {
    this.#url = new URL(redisUrl);
    this.#prefix = topicPrefix;
  }

  /** Returns all keys but the state of the budgets, of which each tenant has one. */
  async keys(): Promise<readonly string[]> {
    const lines = await this.#ask([`KEYS ${this.#prefix}*`]);
    return lines.filter((line) => line.startsWith(this.#prefix) && !line.endsWith(":budgets"));
  }

  /** Returns the bytes that all keys need together, with their names. */
  async bytes(): Promise<number> {
    const keys = await this.keys();
    return this.#sum(keys.map((key) => `MEMORY USAGE ${key} SAMPLES 0`));
  }

  /** Returns the bytes of the stored answers themselves. */
  async answerBytes(): Promise<number> {
    const keys = (await this.keys()).filter((key) => key.includes(":answer:"));
    return this.#sum(keys.map((key) => `STRLEN ${key}`));
  }

  /** Removes the keys whose name has the part, as their expiry would. */
  async expire(...parts: readonly string[]): Promise<void> {
    const keys = (await this.keys()).filter((key) => parts.some((part) => key.includes(part)));
    await this.#ask(keys.map((key) => `DEL ${key}`));
  }

  async #sum(commands: readonly string[]): Promise<number> {
    const numbers = (await this.#ask(commands)).flatMap((line) => /^:(\d+)$/.exec(line)?.[1] ?? []);
    return numbers.reduce((sum, number) => sum + Number(number), 0);
  }

  /** Sends inline commands. Returns the lines of all replies; QUIT ends them. */
  async #ask(commands: readonly string[]): Promise<readonly string[]> {
    const socket = connect(Number(this.#url.port), this.#url.hostname);
    const login = this.#url.password === "" ? [] : [`AUTH ${this.#url.password}`];
    const select = `SELECT ${this.#url.pathname.slice(1) || 0}`;
    socket.write([...login, select, ...commands, "QUIT", ""].join("\r\n"));
    return (await buffer(socket)).toString("latin1").split("\r\n");
  }
}
