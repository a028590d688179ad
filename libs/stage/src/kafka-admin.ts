import { TransientFault } from "@sluice/domain";
import type kafkajs from "kafkajs";
import { messageOf } from "./faults.ts";
import { type KafkaConnection, kafkaClientOf } from "./kafka-connection.ts";
import { silentLogger, type StageLogger } from "./logger.ts";

const retry = { retries: 4, initialRetryTime: 100, maxRetryTime: 1_000 };

/** One admin connection, opened when first needed. */
export class KafkaAdmin {
  private readonly admin: kafkajs.Admin;
  private connecting: Promise<void> | undefined;

  constructor(connection: KafkaConnection, logger: StageLogger = silentLogger) {
    this.admin = kafkaClientOf(connection, logger, retry).admin();
  }

  /** @throws TransientFault `STAGE_BROKER_UNAVAILABLE` for whatever the client throws */
  async ask<T>(question: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
    try {
      this.connecting ??= this.admin.connect();
      await this.connecting;
      return await question(this.admin);
    } catch (error) {
      this.connecting = undefined;
      throw new TransientFault("STAGE_BROKER_UNAVAILABLE", reasonOf(error), { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.admin.disconnect().catch(() => undefined);
  }
}

/** The client hides what the broker said about each topic in an aggregate. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && "errors" in error && Array.isArray(error.errors))
    return error.errors.map(messageOf).join("; ");
  return messageOf(error);
}
