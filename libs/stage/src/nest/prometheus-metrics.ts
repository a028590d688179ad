import { Injectable } from "@nestjs/common";
import { Counter, Gauge, Histogram, type Metric, Registry } from "prom-client";
import { MetricsFactory, type ProducerMetrics, type StageMetrics } from "../core/metrics.ts";

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const longBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

interface Described {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
}

/** Registers the metrics of stages and producers with prom-client. */
@Injectable()
export class PrometheusMetrics extends MetricsFactory {
  constructor(private readonly registry: Registry) {
    super();
  }

  override forStage(stage: string): StageMetrics {
    const messages = this.counter("stage_messages_total", "Messages by effect", [
      "stage",
      "effect",
    ]);
    const faults = this.counter("stage_faults_total", "Faults by code", ["stage", "code"]);
    const paused = this.gauge("stage_paused_partitions", "Partitions not being fetched", ["stage"]);
    const inHand = this.gauge(
      "stage_lane_in_hand_messages",
      "Messages that a concurrent stage has taken and not finished",
      ["stage"],
    );
    const assigned = this.gauge(
      "stage_assigned_partitions",
      "Partitions that the consumer group has assigned to this process",
      ["stage"],
    );
    const lag = this.gauge(
      "stage_lag_messages",
      "Messages between the group's committed offset and the end of each partition",
      ["stage", "topic", "partition"],
    );
    const slices = this.histogram("stage_slice_duration_seconds", "From slice to commit", buckets);
    const handles = this.histogram(
      "stage_handle_duration_seconds",
      "One call of a concurrent stage",
      longBuckets,
    );

    return {
      message: (effect) => messages.inc({ stage, effect }),
      sliceTook: (seconds) => slices.observe({ stage }, seconds),
      handleTook: (seconds) => handles.observe({ stage }, seconds),
      fault: (code) => faults.inc({ stage, code }),
      pausedPartitions: (count) => paused.set({ stage }, count),
      inHand: (count) => inHand.set({ stage }, count),
      lag: (topic, partition, count) => lag.set({ stage, topic, partition }, count),
      assignedPartitions: (count) => assigned.set({ stage }, count),
    };
  }

  override forProducer(): ProducerMetrics {
    const published = this.counter(
      "stage_published_messages_total",
      "Messages acknowledged by all in-sync replicas",
      [],
    );
    const failures = this.counter(
      "stage_publish_failures_total",
      "Sends that failed for good, by code",
      ["code"],
    );
    const waiting = this.gauge(
      "stage_producer_waiting_messages",
      "Messages that wait for the send in flight",
      [],
    );
    let waits = 0;
    return {
      published: (count) => published.inc(count),
      failed: (code) => failures.inc({ code }),
      // Adds the difference, because a process may have several producers.
      waiting: (count) => {
        waiting.inc(count - waits);
        waits = count;
      },
    };
  }

  private counter(name: string, help: string, labelNames: string[]): Counter {
    return this.shared({ name, help, labelNames }, (config) => new Counter(config));
  }

  private gauge(name: string, help: string, labelNames: string[]): Gauge {
    return this.shared({ name, help, labelNames }, (config) => new Gauge(config));
  }

  private histogram(name: string, help: string, steps: number[]): Histogram {
    return this.shared(
      { name, help, labelNames: ["stage"] },
      (config) => new Histogram({ ...config, buckets: steps }),
    );
  }

  /** Several stages of one process share a metric and differ by label. */
  private shared<M extends Metric>(
    described: Described,
    make: (config: Described & { registers: Registry[] }) => M,
  ): M {
    const existing = this.registry.getSingleMetric(described.name);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file registers these names
    return (existing as M | undefined) ?? make({ ...described, registers: [this.registry] });
  }
}
