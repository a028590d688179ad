import { TransientFault } from "@sluice/domain";
import {
  type Append,
  InMemoryAdmissions,
  InMemoryAttempts,
  InMemoryOutcomes,
  InMemoryReplies,
  InMemoryRequests,
  refOfAdmitted,
} from "@sluice/request-state";
import { deliveryOf, InMemoryEventProducer, silentLogger } from "@sluice/stage";
import { Registry } from "prom-client";
import { AttemptRunner } from "./attempt.ts";
import { AttemptStage } from "./attempt.stage.ts";
import { aDispatched, type DispatchedChanges, StoppedClock } from "./dispatched.fixture.ts";
import { InMemoryProvider, type Scripted } from "../providers/in-memory-provider.ts";
import { AdapterMetrics } from "../metrics.ts";
import { BytePairTokenCounter } from "@sluice/tokens";
import { ProviderBreakers } from "../providers/provider-breakers.ts";

/** Behaves like a store across a network: an answer may be complete before its tokens are written. */
class SlowAttempts extends InMemoryAttempts {
  reads = 0;
  /** The next beginning is stored, and its caller does not learn of it. */
  isReplyLost = false;

  override async begin(...given: Parameters<InMemoryAttempts["begin"]>) {
    const claim = await super.begin(...given);
    if (!this.isReplyLost) return claim;
    this.isReplyLost = false;
    throw new TransientFault("REDIS_UNAVAILABLE", "Redis did not answer in time.");
  }

  /** Runs before the reply to `calling`, which may take as long as an outage. */
  duringCalling: () => void = () => undefined;

  override async calling(...given: Parameters<InMemoryAttempts["calling"]>): Promise<boolean> {
    const mayCall = await super.calling(...given);
    this.duringCalling();
    return mayCall;
  }

  override async history(...given: Parameters<InMemoryAttempts["history"]>) {
    this.reads += 1;
    return super.history(...given);
  }

  appends = 0;

  override async append(...given: Parameters<InMemoryAttempts["append"]>): Promise<Append> {
    this.appends += 1;
    await new Promise((resolve) => setTimeout(resolve, 10));
    return super.append(...given);
  }
}

const counter = await BytePairTokenCounter.load();

/** Returns a stage on fakes, with a request of which only the admission is recorded. */
export async function newTestStage(
  script: (nth: number) => Scripted,
  changes: DispatchedChanges = {},
  { leaseMs = 10_000, hidesReasoning = false } = {},
) {
  const clock = new StoppedClock();
  const requests = new InMemoryRequests(clock);
  const attempts = new SlowAttempts(requests);
  const outcomes = new InMemoryOutcomes(requests);
  const producer = new InMemoryEventProducer();
  const provider = new InMemoryProvider((_, nth) => script(nth));
  const registry = new Registry();
  const metrics = new AdapterMetrics(registry);
  const policy = { failuresMax: 5, openMs: 1_000, openMsMax: 4_000 };
  const breakers = new ProviderBreakers(
    (id) => (id === "acme-ai" ? 1 : 0),
    policy,
    metrics,
    silentLogger,
  );
  const dispatched = aDispatched(changes);
  await new InMemoryAdmissions(requests).admit([{ admitted: dispatched.admitted }]);
  const runner = new AttemptRunner({
    attempts,
    producer,
    provider,
    breakers,
    counter,
    clock,
    metrics,
    hidesReasoning: () => hidesReasoning,
    version: () => 7n,
    settings: { leaseMs, liveRenewMs: 5 },
  });
  const stage = new AttemptStage(attempts, outcomes, runner, breakers, clock, {
    version: () => 7n,
  });
  const stopping = new AbortController();
  const ref = refOfAdmitted(dispatched.admitted);
  const handle = (waitedMs = 0) =>
    stage.handle(deliveryOf(dispatched), {
      repeats: 0,
      revoked: new AbortController().signal,
      waitedMs,
      stopping: stopping.signal,
    });
  const replies = new InMemoryReplies(requests);
  return {
    clock,
    registry,
    attempts,
    outcomes,
    producer,
    provider,
    handle,
    stage,
    stopping,
    ref,
    replies,
    requests,
  };
}
