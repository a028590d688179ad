import { TransientFault } from "@sluice/domain";
import type kafkajs from "kafkajs";
import { brokerReasonOf, type BrokerWork } from "./broker-trouble.ts";
import { type KafkaConnection, kafkaClientOf } from "./kafka-connection.ts";
import { silentLogger, type StageLogger } from "../core/logger.ts";

const retry = { retries: 4, initialRetryTime: 100, maxRetryTime: 1_000 };

/** Holds one admin connection, which opens at its first use. */
export class KafkaAdmin {
  private readonly admin: kafkajs.Admin;
  private connecting: Promise<void> | undefined;

  constructor(
    private readonly connection: KafkaConnection,
    logger: StageLogger = silentLogger,
  ) {
    this.admin = kafkaClientOf(connection, logger, retry).admin();
  }

  /** @throws TransientFault `STAGE_BROKER_UNAVAILABLE`, with the reason, for every error of the client */
  async ask<T>(
    question: (admin: kafkajs.Admin) => Promise<T>,
    work: BrokerWork = { kind: "manage" },
  ): Promise<T> {
    try {
      this.connecting ??= this.admin.connect();
      await this.connecting;
      return await question(this.admin);
    } catch (error) {
      this.connecting = undefined;
      const reason = brokerReasonOf(error, this.connection, work);
      throw new TransientFault("STAGE_BROKER_UNAVAILABLE", reason, { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.admin.disconnect().catch(() => undefined);
  }
}
