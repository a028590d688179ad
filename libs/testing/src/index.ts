export {
  aClassified,
  aCompletion,
  aMiss,
  aRequest,
  anAdmission,
  noRequirements,
  someRates,
} from "./fixtures.ts";
export {
  type ExtraInstance,
  Pipeline,
  type PipelineOptions,
  type ProcessName,
  startPipeline,
} from "./pipeline.ts";
export { type StackAddresses, stackAddresses } from "./stack-addresses.ts";
