import { randomUUID } from "node:crypto";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import {
  type Completed,
  type InferenceAdmitted,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import { BudgetRebuild } from "@sluice/budgets";
import {
  Attempts,
  completedOutcome,
  encodeTokens,
  Outcomes,
  RedisRequests,
  refOfAdmitted,
  refusedOutcome,
} from "@sluice/request-state";
import { ExactCache, fillOf } from "@sluice/response-cache";
import { parseConfig } from "@sluice/service-host";
import { openBudgets, suiteKeys, type SuiteTopics, type TopicReader } from "@sluice/testing";
import { aCompletion } from "@sluice/testing/fixtures";
import { Registry } from "prom-client";
import { AppModule } from "../src/app.module.ts";
import { configSchema } from "../src/config.ts";
import { createHttp, listenHttp } from "../src/http/http.ts";

type Headers = Readonly<Record<string, string>>;

const leaseMs = 10_000;

/** Runs ingress in this process on a free port, and lets a test act as the later stages. */
export class Edge {
  readonly #app: NestFastifyApplication;
  readonly url: string;

  private constructor(app: NestFastifyApplication, url: string) {
    this.#app = app;
    this.url = url;
  }

  /** @param hasRedis whether its Redis can be reached */
  static async start(
    environment: Readonly<Record<string, string>>,
    hasRedis = true,
  ): Promise<Edge> {
    // A stall of this process on a busy machine must not turn a hit into a miss.
    const withTimeout = { SLUICE_HTTP_CACHE_TIMEOUT_MS: "5000", ...environment };
    const config = { ...parseConfig(configSchema, withTimeout), SLUICE_HTTP_PORT: 0 };
    const app = await createHttp(AppModule.forRoot(config), config);
    await listenHttp(app, config);
    // As the accountant does it, without which no attempt begins.
    if (hasRedis) await openBudgets(app.get(BudgetRebuild, { strict: false }), ["acme", "globex"]);
    return new Edge(app, await app.getUrl());
  }

  async stop(): Promise<void> {
    await this.#app.close();
  }

  /** Sends a chat as a program without an SDK does. */
  async post(body: unknown, headers: Headers = {}, signal?: AbortSignal): Promise<Response> {
    return fetch(`${this.url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${suiteKeys.acme}`,
        "content-type": "application/json",
        ...headers,
      },
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  }

  /** Claims the request's first attempt and marks it as calling, as the adapter does. */
  async call(admitted: InferenceAdmitted): Promise<PlayedCall> {
    const attempts = this.#app.get(Attempts, { strict: false });
    const ref = refOfAdmitted(admitted);
    const claim = await attempts.claim(ref, 1, randomUUID(), leaseMs, null);
    if (claim.kind !== "held") throw new Error(`The attempt is not ours: ${claim.kind}.`);
    await attempts.calling(ref, 1, claim.fence, 10_000);
    return new PlayedCall(attempts, admitted, claim.fence);
  }

  /** Completes the request. */
  async answer(
    admitted: InferenceAdmitted,
    changed: Partial<Completed> = {},
  ): Promise<InferenceResponded> {
    return (await this.call(admitted)).finish(changed);
  }

  async decline(admitted: InferenceAdmitted, code: string): Promise<void> {
    const outcomes = this.#app.get(Outcomes, { strict: false });
    await outcomes.claim([declined(admitted, code)], "decision");
  }

  /** Stores the answer in the response cache, as cache-lookup does when it reads the outcome. */
  async fill(outcome: InferenceResponded): Promise<void> {
    const fill = fillOf(outcome);
    if (!fill) throw new Error("This outcome is not for the cache.");
    await this.#app.get(ExactCache, { strict: false }).store([fill]);
  }

  /** Sets the memory limit of the Redis of state. Returns the limit that it had. */
  async limitRedis(maxmemory?: string): Promise<string> {
    const { redis } = this.#app.get(RedisRequests, { strict: false });
    const [, before = "0"] = await redis.config("GET", "maxmemory");
    if (maxmemory !== undefined) await redis.config("SET", "maxmemory", maxmemory);
    return before;
  }

  /** Returns what a scrape of the service's metrics shows. */
  async scrape(): Promise<string> {
    return this.#app.get(Registry, { strict: false }).metrics();
  }

  async isCancelled(admitted: InferenceAdmitted): Promise<boolean> {
    const attempts = this.#app.get(Attempts, { strict: false });
    return (await attempts.history(refOfAdmitted(admitted))).cancelled;
  }
}

/** A provider's call that a test controls. */
export class PlayedCall {
  #sequence = 0;

  constructor(
    private readonly attempts: Attempts,
    private readonly admitted: InferenceAdmitted,
    private readonly fence: number,
  ) {}

  /** Appends tokens to the reply stream. Returns whether the call is cancelled. */
  async send(text: string): Promise<boolean> {
    const { variant, tier, cache } = aCompletion();
    const choices = [
      {
        index: 0,
        delta: { role: "assistant", content: text },
        logprobs: null,
        finish_reason: null,
      },
    ];
    const tokens = { variant, tier, cache, systemFingerprint: null, chunks: [choices] };
    const payload = encodeTokens(tokens);
    const sequence = this.#sequence++;
    const append = await this.attempts.append(
      refOfAdmitted(this.admitted),
      1,
      this.fence,
      sequence,
      payload,
    );
    return append.kind === "appended" && append.cancelled;
  }

  /** Leaves out a token, as if it had expired before ingress read it. */
  lose(): void {
    this.#sequence += 1;
  }

  async finish(changed: Partial<Completed> = {}): Promise<InferenceResponded> {
    return this.#end(
      completedOutcome(this.admitted, {
        completed: aCompletion(changed),
        attempts: 1,
        lookup: this.admitted.lookup,
        decisions: [],
        completedAt: Date.now(),
      }),
    );
  }

  async fail(code: string): Promise<InferenceResponded> {
    return this.#end({ ...declined(this.admitted, code), outcome: "failed", attempts: 1 });
  }

  async #end(outcome: InferenceResponded): Promise<InferenceResponded> {
    const ref = refOfAdmitted(this.admitted);
    await this.attempts.finish(ref, 1, this.fence, { metered: null, outcome });
    return outcome;
  }
}

export function chat(content: string, changed: object = {}): object {
  return { model: "auto", messages: [{ role: "user", content }], ...changed };
}

/** Returns the record that was admitted for a question. Each question of a test is different. */
export async function admittedFor(
  admissions: TopicReader<InferenceAdmitted>,
  content: string,
): Promise<InferenceAdmitted> {
  const [admitted] = await admissions.until(isAbout(content));
  return admitted!;
}

export function isAbout(content: string): (record: InferenceAdmitted) => boolean {
  return ({ request }) => request.messages[0]?.content === content;
}

export function readAdmissions(suite: SuiteTopics): Promise<TopicReader<InferenceAdmitted>> {
  return suite.read(topics.inferenceAdmitted);
}

function declined(admitted: InferenceAdmitted, code: string): InferenceResponded {
  return refusedOutcome(admitted, {
    ...{ kind: "declined", code, reason: "As the test wants it.", attempts: 0 },
    ...{ lookup: null, decisions: [], completedAt: Date.now() },
  });
}
