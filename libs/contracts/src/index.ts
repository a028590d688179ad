export {
  attributionSignatureOf,
  isAttributionSigned,
  type Payer,
} from "./signatures/attribution-signature.ts";
export type { CostsAnswer, CostsSums } from "./costs-answer.ts";
export {
  defaultCacheDirective,
  defaultMessage,
  defaultRequest,
  defaultRequirements,
} from "./generated/defaults.ts";
export type {
  Answer,
  Attribution,
  BudgetWindow,
  CacheDirective,
  CacheMode,
  CacheResult,
  Candidate,
  Choice,
  Classification,
  Completed,
  Complexity,
  CostCharged,
  CostMetered,
  Decision,
  Declaration,
  DeclarationOrigin,
  Dispatch,
  InferenceAdmitted,
  InferenceAttempted,
  InferenceClassified,
  InferenceDispatched,
  InferenceMissed,
  InferenceRequested,
  InferenceResponded,
  Lane,
  Lookup,
  Message,
  MeteringKind,
  OnDoubt,
  Operation,
  Origin,
  OutcomeKind,
  Rates,
  Refused,
  ReplyMode,
  Requirements,
  Tier,
  Usage,
} from "./generated/records.ts";
export { InMemoryTopicCodecs } from "./in-memory-topic-codecs.ts";
export { RegistryTopicCodecs } from "./registry-topic-codecs.ts";
export {
  isFresh,
  replayedAt,
  replayHeaders,
  replayHeadersOf,
} from "./signatures/replay-signature.ts";
export {
  firstSignatureOf,
  type SignatureForm,
  signatureHeaders,
  signatureOf,
  signedForm,
  type SignedMessage,
  signedHeaders,
  type SigningKey,
  type UnsignedMessage,
} from "./signatures/request-signature.ts";
export { type RegistryAccess, SchemaRegistryClient } from "./schema-registry.ts";
export { textOfParts } from "./text-of-parts.ts";
export { type ContractFaultCode, TopicCodecs } from "./topic-codecs.ts";
export {
  allTopics,
  controlTopics,
  deadLetterNameOf,
  type RecordName,
  subjectOf,
  tenantTopicOf,
  tenantTopics,
  type Topic,
  topics,
} from "./topics.ts";
