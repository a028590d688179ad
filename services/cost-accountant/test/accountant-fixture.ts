import { createServer } from "node:net";
import type { INestApplicationContext } from "@nestjs/common";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { Test } from "@nestjs/testing";
import { Settlements, type Settlement } from "@sluice/budgets";
import {
  allTopics,
  type CostMetered,
  deadLetterNameOf,
  type InferenceAttempted,
  topics,
} from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { provision } from "@sluice/provisioning";
import { registryCodecs } from "@sluice/service-host";
import {
  KafkaEventProducer,
  type KafkaConnection,
  KafkaTopicAdmin,
  outgoing,
  type Publishable,
} from "@sluice/stage";
import { AppModule } from "../src/app.module.ts";
import type { Config } from "../src/config.ts";
import { Ledger } from "../src/ledger/ledger.ts";
import { attributionSecret, declarations } from "./fixtures.ts";
import { createLedgerDatabase, type LedgerDatabase } from "./ledger-database.ts";

/** Settlements of which a test sets `onSettle` to intervene between the ledger and the offset. */
export class WatchedSettlements extends Settlements {
  onSettle: (settlements: readonly Settlement[]) => Promise<void> = async () => undefined;

  override async settle(settlements: readonly Settlement[]): Promise<void> {
    await this.onSettle(settlements);
  }

  override async expire(): Promise<number> {
    return 0;
  }
}

export interface Accountant {
  readonly admin: string;
  readonly ledger: Ledger;
  stop(): Promise<void>;
}

/** The topics and the ledger of one suite, and the accountants that use them. */
export class AccountantFixture {
  private readonly running: INestApplicationContext[] = [];

  private constructor(
    readonly environment: Readonly<Record<string, string>>,
    readonly connection: KafkaConnection,
    readonly codecs: Awaited<ReturnType<typeof registryCodecs>>,
    readonly database: LedgerDatabase,
    private readonly producer: KafkaEventProducer,
  ) {}

  static async create(): Promise<AccountantFixture> {
    const database = await createLedgerDatabase();
    const prefix = database.topicPrefix;
    const brokers = variable("SLUICE_KAFKA_BROKERS");
    const registryUrl = variable("SLUICE_REGISTRY_URL");
    const connection = { brokers: brokers.split(","), topicPrefix: prefix, clientId: "suite" };
    await provision({ kafka: connection, registryUrl, partitions: 2, replication: 1 });
    const environment = {
      SLUICE_KAFKA_BROKERS: brokers,
      SLUICE_KAFKA_TOPIC_PREFIX: prefix,
      SLUICE_REGISTRY_URL: registryUrl,
      SLUICE_ATTRIBUTION_SECRET: attributionSecret,
      SLUICE_LEDGER_URL: database.url,
      SLUICE_LOG_LEVEL: "silent",
      SLUICE_SWEEP_GRACE_SECONDS: "0",
      SLUICE_SWEEP_INTERVAL_SECONDS: "1",
    };
    const written = [topics.costMetered, topics.inferenceAttempted];
    const codecs = await registryCodecs(
      {
        SLUICE_REGISTRY_URL: registryUrl,
        SLUICE_REGISTRY_ALLOW_PLAIN_HTTP: "false",
        SLUICE_KAFKA_TOPIC_PREFIX: prefix,
      },
      written,
    );
    const producer = new KafkaEventProducer({ connection, codecs });
    return new AccountantFixture(environment, connection, codecs, database, producer);
  }

  /** @param settlements replaces those in Redis */
  async start(settlements?: Settlements): Promise<Accountant> {
    const port = await freePort();
    const config: Config = {
      SLUICE_LOG_LEVEL: "silent",
      SLUICE_ADMIN_HOST: "127.0.0.1",
      SLUICE_ADMIN_PORT: port,
      SLUICE_ADMIN_NAMES: "",
      SLUICE_KAFKA_BROKERS: [...this.connection.brokers],
      SLUICE_KAFKA_TOPIC_PREFIX: this.connection.topicPrefix,
      SLUICE_REGISTRY_URL: this.environment["SLUICE_REGISTRY_URL"]!,
      SLUICE_REGISTRY_ALLOW_PLAIN_HTTP: "false",
      SLUICE_KAFKA_TLS: "false",
      SLUICE_CONFIG: "not read",
      SLUICE_ATTRIBUTION_SECRET: attributionSecret,
      SLUICE_ATTRIBUTION_SECRET_PREVIOUS: [],
      SLUICE_LEDGER_URL: this.database.url,
      SLUICE_REDIS_URL: process.env["SLUICE_REDIS_URL"]!,
      SLUICE_SWEEP_GRACE_SECONDS: 0,
      SLUICE_SWEEP_INTERVAL_SECONDS: 1,
    };
    const building = Test.createTestingModule({ imports: [AppModule.forRoot(config)] })
      .overrideProvider(Declarations)
      .useValue(declarations);
    if (settlements) building.overrideProvider(Settlements).useValue(settlements);
    const module = await building.compile();
    const app = module.createNestApplication(new FastifyAdapter(), { logger: false });
    await app.init();
    this.running.push(app);
    return {
      admin: `http://127.0.0.1:${port}`,
      ledger: app.get(Ledger, { strict: false }),
      stop: () => app.close(),
    };
  }

  async meter(...meterings: readonly CostMetered[]): Promise<void> {
    await this.send(meterings.map((metered) => outgoing(topics.costMetered, metered)));
  }

  async announce(...intents: readonly InferenceAttempted[]): Promise<void> {
    await this.send(intents.map((intent) => outgoing(topics.inferenceAttempted, intent)));
  }

  async send(messages: readonly Publishable[]): Promise<void> {
    await this.producer.send(messages);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.running.map((app) => app.close()));
    await this.producer.close();
    const admin = new KafkaTopicAdmin(this.connection);
    await admin.remove(allTopics.flatMap(({ name }) => [name, deadLetterNameOf(name)]));
    await admin.close();
    await this.database.drop();
  }
}

function variable(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(
      `${name} is not set. Run this suite with "vitest run --project stack", which starts the stack.`,
    );
  return value;
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

export async function eventually<T>(
  ask: () => Promise<T>,
  isWanted: (answer: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (Date.now() > deadline)
      throw new Error(
        `The expected value did not appear within ${timeoutMs} ms. The last one was ${JSON.stringify(answer)}.`,
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
