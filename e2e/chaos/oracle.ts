import { setTimeout as sleep } from "node:timers/promises";
import {
  type CostCharged,
  type InferenceAdmitted,
  type InferenceResponded,
  RegistryTopicCodecs,
  SchemaRegistryClient,
  topics,
} from "@sluice/contracts";
import {
  billBreaches,
  attributionBreaches,
  chargeBreaches,
  ConsumerGroups,
  deadLetterCounts,
  fetchBill,
  outcomeBreaches,
  type Pipeline,
  type ProviderBill,
  repeatedPayments,
  spentNanoUsd,
  TopicJournal,
} from "@sluice/testing";
import type { CheckpointObservation, KafkaOutcome } from "./verdict.ts";

const pollMs = 1_000;

/** What the topics, the ledger and the provider's bill contain at one moment. */
type Accounts = Omit<CheckpointObservation, "requests" | "windows">;

/** Compares the published outcomes and charges and the ledger with the bill of the provider simulator. */
export class Oracle {
  readonly groups: ConsumerGroups;
  readonly #pipeline: Pipeline;
  readonly #connection: {
    readonly brokers: readonly string[];
    readonly topicPrefix: string;
    readonly clientId: string;
  };
  readonly #admitted: TopicJournal<InferenceAdmitted>;
  readonly #responded: TopicJournal<InferenceResponded>;
  readonly #charged: TopicJournal<CostCharged>;

  constructor(pipeline: Pipeline) {
    const { topicPrefix, addresses } = pipeline;
    this.#pipeline = pipeline;
    this.#connection = { brokers: addresses.kafka.split(","), topicPrefix, clientId: "oracle" };
    this.groups = new ConsumerGroups(this.#connection);
    const registry = new SchemaRegistryClient(addresses.registry, topicPrefix);
    const codecs = new RegistryTopicCodecs(registry);
    this.#admitted = new TopicJournal(this.#connection, codecs, topics.inferenceAdmitted);
    this.#responded = new TopicJournal(this.#connection, codecs, topics.inferenceResponded);
    this.#charged = new TopicJournal(this.#connection, codecs, topics.costCharged);
  }

  /**
   * Reads everything again until it is settled, at most until the limit. The accounts that it returns
   * contain the breaches that were left then.
   *
   * @param kafkaRequests the ids of the requests that were sent over Kafka
   */
  async settled(kafkaRequests: readonly string[], limitMs: number): Promise<Accounts> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      try {
        const accounts = await this.#read();
        if (isSettled(accounts, kafkaRequests) || Date.now() > deadline) return accounts;
      } catch (error) {
        // A part may still recover. After the limit, its failure is the result.
        if (Date.now() > deadline) throw error;
      }
      await sleep(pollMs);
    }
  }

  /** The number of attempts on the bill that cost something. */
  async billed(): Promise<{ readonly attempts: number; readonly totalNanoUsd: bigint }> {
    const bill = await fetchBill(this.#pipeline.simulator);
    const paid = [...bill.attempts.values()].filter(({ costNanoUsd }) => costNanoUsd > 0n);
    return { attempts: paid.length, totalNanoUsd: bill.totalNanoUsd };
  }

  async #read(): Promise<Accounts> {
    const [groups, deadLetters, bill] = await Promise.all([
      this.groups.states(),
      deadLetterCounts(this.#connection),
      fetchBill(this.#pipeline.simulator),
      this.#admitted.catchUp(),
      this.#responded.catchUp(),
      this.#charged.catchUp(),
    ]);
    const charges = this.#charged.records;
    const outcomes = this.#responded.records;
    return {
      kafkaOutcomes: outcomes.map(kafkaOutcomeOf),
      breaches: this.#breaches(bill),
      ledgerNanoUsd: await this.#ledgerTotal(),
      chargedNanoUsd: spentNanoUsd(charges),
      repeatedPayments: repeatedPayments(charges, outcomes, bill),
      deadLetters,
      groups,
    };
  }

  #breaches(bill: ProviderBill): readonly string[] {
    const charges = this.#charged.records;
    return [
      ...outcomeBreaches(this.#admitted.records, this.#responded.records),
      ...chargeBreaches(charges),
      ...attributionBreaches(this.#admitted.records, charges),
      ...billBreaches(charges, bill),
    ];
  }

  async #ledgerTotal(): Promise<bigint> {
    const answer = await fetch(`${this.#pipeline.admin("cost-accountant")}/costs?by=tenant`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the documented answer of the accountant
    const costs = (await answer.json()) as { readonly total: { readonly spendNanoUsd: string } };
    return BigInt(costs.total.spendNanoUsd);
  }
}

function isSettled(accounts: Accounts, kafkaRequests: readonly string[]): boolean {
  const ended = new Set(accounts.kafkaOutcomes.map(({ requestId }) => requestId));
  return (
    accounts.breaches.length === 0 &&
    accounts.ledgerNanoUsd === accounts.chargedNanoUsd &&
    accounts.groups.every(({ unread, lagMessages }) => unread.length === 0 && lagMessages === 0) &&
    kafkaRequests.every((id) => ended.has(id))
  );
}

function kafkaOutcomeOf(responded: InferenceResponded): KafkaOutcome {
  const { requestId, outcome, refused, completedAt } = responded;
  const result = outcome === "completed" ? outcome : (refused?.code ?? outcome);
  return { requestId, result, endedAt: completedAt };
}
