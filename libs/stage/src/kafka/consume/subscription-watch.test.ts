import type kafkajs from "kafkajs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NoMetrics } from "../../core/metrics.ts";
import { silentLogger } from "../../core/logger.ts";
import { defaultConsumerSettings } from "./consumer-settings.ts";
import { SubscriptionWatch } from "./subscription-watch.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const topic = "t";
let isBrokerAway: boolean;

/** A broker whose group has finished everything, or that does not answer. */
function brokerOf(): kafkajs.Admin {
  const answer = async <A>(given: A): Promise<A> => {
    if (isBrokerAway) throw new Error("the broker does not answer");
    return given;
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the watch uses no other method
  return {
    fetchTopicOffsets: () => answer([{ partition: 0, offset: "0", low: "0", high: "0" }]),
    fetchOffsets: () => answer([{ topic, partitions: [] }]),
    describeGroups: () => answer({ groups: [{ state: "Empty", members: [] }] }),
  } as unknown as kafkajs.Admin;
}

function watched(): { watch: SubscriptionWatch; verdicts: string[] } {
  const verdicts: string[] = [];
  const watch = new SubscriptionWatch({
    ...{ admin: brokerOf(), groupId: "g", topic, shownTopic: topic, logger: silentLogger },
    ...{ settings: defaultConsumerSettings, metrics: new NoMetrics().forStage() },
    ...{ isWaiting: () => false, partitions: () => [] },
    onFatal: (code) => verdicts.push(code),
  });
  isBrokerAway = false;
  watch.start();
  return { watch, verdicts };
}

describe("a consumer that has lost its assignment", () => {
  it("is ready during a rebalance, and not ready after it has lasted longer than a session", async () => {
    const { watch } = watched();
    watch.assigned(1);
    await vi.advanceTimersByTimeAsync(60_000);
    watch.unassigned();
    await vi.advanceTimersByTimeAsync(7_000);
    expect(watch.isAssigned).toBe(true);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(watch.isAssigned).toBe(false);
    watch.assigned(1);
    expect(watch.isAssigned).toBe(true);
  });

  it("is not ready while the broker does not answer, however long, and its process does not end", async () => {
    const { watch, verdicts } = watched();
    watch.assigned(1);
    isBrokerAway = true;
    watch.unassigned();
    await vi.advanceTimersByTimeAsync(9_000);
    for (let seconds = 0; seconds < 300; seconds += 1) {
      expect(watch.isAssigned).toBe(false);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(verdicts).toEqual([]);
  });

  it("ends its process if the broker is back for longer than a join takes, although it fetches", async () => {
    const { watch, verdicts } = watched();
    isBrokerAway = true;
    await vi.advanceTimersByTimeAsync(300_000);
    isBrokerAway = false;
    const fetching = setInterval(() => watch.fetched(), 4);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(verdicts).toEqual([]);
    await vi.advanceTimersByTimeAsync(30_000);
    clearInterval(fetching);
    expect(verdicts).toContain("STAGE_CONSUMER_UNASSIGNED");
  });
});
