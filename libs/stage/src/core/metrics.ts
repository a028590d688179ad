import { Counter, Gauge, Histogram, type Metric, type Registry, register } from "prom-client";

export type MetricsRegistry = Registry;

/** What one stage counts. Labels are bounded: no tenant, no request. */
export interface StageMetrics {
  message(effect: string): void;
  sliceTook(seconds: number): void;
  handleTook(seconds: number): void;
  fault(code: string): void;
  pausedPartitions(count: number): void;
  inHand(count: number): void;
  lag(topic: string, partition: number, messages: number): void;
  forgetLag(topic: string, partition: number): void;
}

export interface ProducerMetrics {
  published(messages: number): void;
  failed(code: string): void;
  waiting(messages: number): void;
}

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const longBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Several stages of one process share a metric and differ by label. */
function shared<M extends Metric>(registry: Registry, name: string, make: () => M): M {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file registers these names
  return (registry.getSingleMetric(name) as M | undefined) ?? make();
}

export function stageMetricsOf(stage: string, registry: Registry = register): StageMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[]) =>
    shared(registry, name, () => new Counter({ name, help, labelNames, registers }));
  const gauge = (name: string, help: string, labelNames: string[]) =>
    shared(registry, name, () => new Gauge({ name, help, labelNames, registers }));
  const histogram = (name: string, help: string, steps: number[]) =>
    shared(
      registry,
      name,
      () => new Histogram({ name, help, labelNames: ["stage"], buckets: steps, registers }),
    );

  const messages = counter("stage_messages_total", "Messages by effect", ["stage", "effect"]);
  const faults = counter("stage_faults_total", "Faults by code", ["stage", "code"]);
  const paused = gauge("stage_paused_partitions", "Partitions not being fetched", ["stage"]);
  const inHand = gauge("stage_lane_in_hand_messages", "Messages a lane has taken", ["stage"]);
  const lag = gauge("stage_lag_messages", "High watermark minus committed offset", [
    "stage",
    "topic",
    "partition",
  ]);
  const slices = histogram("stage_slice_duration_seconds", "From slice to commit", buckets);
  const handles = histogram("stage_handle_duration_seconds", "One call of a lane", longBuckets);

  return {
    message: (effect) => messages.inc({ stage, effect }),
    sliceTook: (seconds) => slices.observe({ stage }, seconds),
    handleTook: (seconds) => handles.observe({ stage }, seconds),
    fault: (code) => faults.inc({ stage, code }),
    pausedPartitions: (count) => paused.set({ stage }, count),
    inHand: (count) => inHand.set({ stage }, count),
    lag: (topic, partition, count) => lag.set({ stage, topic, partition }, count),
    forgetLag: (topic, partition) => lag.remove({ stage, topic, partition: String(partition) }),
  };
}

export function producerMetricsOf(registry: Registry = register): ProducerMetrics {
  const registers = [registry];
  const published = shared(
    registry,
    "stage_published_messages_total",
    () =>
      new Counter({
        name: "stage_published_messages_total",
        help: "Messages acknowledged by all in-sync replicas",
        registers,
      }),
  );
  const failures = shared(
    registry,
    "stage_publish_failures_total",
    () =>
      new Counter({
        name: "stage_publish_failures_total",
        help: "Sends that failed for good, by code",
        labelNames: ["code"],
        registers,
      }),
  );
  const waiting = shared(
    registry,
    "stage_producer_waiting_messages",
    () =>
      new Gauge({
        name: "stage_producer_waiting_messages",
        help: "Messages that wait for the send in flight",
        registers,
      }),
  );
  let waits = 0;
  return {
    published: (count) => published.inc(count),
    failed: (code) => failures.inc({ code }),
    // By what changed: a process may have several producers.
    waiting: (count) => {
      waiting.inc(count - waits);
      waits = count;
    },
  };
}
