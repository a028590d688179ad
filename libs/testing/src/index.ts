export {
  aChoice,
  aClassified,
  aCompletion,
  aMessage,
  aMiss,
  anAdmission,
  anOutcome,
  aRequest,
  someRates,
} from "./fixtures.ts";
export {
  type ExtraInstance,
  Pipeline,
  type PipelineOptions,
  type ProcessName,
  startPipeline,
} from "./pipeline.ts";
export { loseRedis } from "./redis/lose-redis.ts";
export { openBudgets } from "./redis/open-budgets.ts";
export {
  accountOf,
  certificateSubject,
  type SecuredFiles,
  SecuredStack,
  securedUsers,
} from "./secured-stack.ts";
export { type StackAddresses, stackAddresses } from "./stack-addresses.ts";
export {
  billBreaches,
  type Breaches,
  attributionBreaches,
  chargeBreaches,
  distinct,
  limitBreaches,
  outcomeBreaches,
  type RepeatedPayment,
  repeatedPayments,
  spentNanoUsd,
} from "./invariants.ts";
export { KafkaUser, type KafkaUserOptions } from "./kafka-user.ts";
export {
  type BilledAttempt,
  controlSimulator,
  fetchBill,
  type ProviderBill,
  type SimulatorAccess,
} from "./provider-bill.ts";
export { bytesOf, deadLettersOf, RawCodecs, TopicReader } from "./topic-reader.ts";
export { type DeadLetterCount, deadLetterCounts, TopicJournal } from "./topic-journal.ts";
export { ConsumerGroups } from "./consumer-groups.ts";
export { serviceNames } from "@sluice/local-stack";
export { suiteKeys } from "./suite-declarations.ts";
export { ForgetfulProducer, SuiteTopics } from "./suite-topics.ts";
