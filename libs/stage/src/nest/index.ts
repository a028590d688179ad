export { PrometheusMetrics } from "./prometheus-metrics.ts";
export { Stage } from "./stage.decorator.ts";
export {
  type StageModuleAsyncOptions,
  StageModule,
  type StageModuleOptions,
} from "./stage.module.ts";
