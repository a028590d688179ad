import { setTimeout as sleep } from "node:timers/promises";
import { Injectable, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { Clock, SystemClock } from "@sluice/domain";
import { TelemetryModule } from "@sluice/telemetry";
import { afterEach, expect, it } from "vitest";
import {
  type Delivery,
  type Effect,
  EventProducer,
  ConcurrentStage,
  outgoing,
  skip,
  SliceStage,
} from "../src/index.ts";
import { Stage, StageModule } from "../src/nest/index.ts";
import {
  briskSettings,
  copyOf,
  eventually,
  KafkaFixture,
  type Note,
  notes,
  source,
  target,
} from "./kafka-fixture.ts";

const FURTHER = Symbol("a producer of its own");

let kafka: KafkaFixture;
afterEach(() => kafka.close());

@Injectable()
@Stage({ on: source, group: "copy" })
class CopyStage extends SliceStage<Note> {
  static processed = 0;

  constructor(private readonly clock: Clock) {
    super();
  }

  override async process(slice: readonly Delivery<Note>[]): Promise<readonly Effect[]> {
    this.clock.now();
    CopyStage.processed += slice.length;
    return slice.map(copyOf);
  }
}

@Injectable()
@Stage({ on: target, group: "copy.end", settings: briskSettings, concurrency: 8 })
class EndStage extends ConcurrentStage<Note> {
  static readonly seen: number[] = [];
  static running = 0;
  static runningMost = 0;

  constructor(private readonly clock: Clock) {
    super();
  }

  override async handle({ record }: Delivery<Note>): Promise<Effect> {
    this.clock.now();
    EndStage.running += 1;
    EndStage.runningMost = Math.max(EndStage.runningMost, EndStage.running);
    await sleep(5);
    EndStage.running -= 1;
    EndStage.seen.push(record.id);
    return skip("seen");
  }
}

it("an application finds its stages, injects their dependencies, runs them and stops them", async () => {
  kafka = await KafkaFixture.create(2);
  const { connection, codecs } = kafka;

  const telemetry = {
    service: "suite",
    logLevel: "silent" as const,
    adminHost: "127.0.0.1",
    adminPort: 0,
  };
  @Module({
    imports: [
      TelemetryModule.forRoot(telemetry),
      StageModule.forRootAsync({ useFactory: async () => ({ connection, codecs }) }),
      StageModule.forFeature(CopyStage, { settings: briskSettings }),
      StageModule.forFeature(EndStage, { concurrency: 2 }),
    ],
    providers: [
      { provide: Clock, useClass: SystemClock },
      CopyStage,
      EndStage,
      StageModule.producer(FURTHER),
    ],
  })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, {
    logger: false,
    abortOnError: false,
  });
  const further = app.get<EventProducer>(FURTHER);
  expect(further).not.toBe(app.get(EventProducer));
  await app.get(EventProducer).send(notes(25, 5).map((note) => outgoing(source, note)));
  await further.send(notes(25, 5, 25).map((note) => outgoing(source, note)));
  await eventually(() => EndStage.seen.length === 50);
  await app.close();
  await expect(
    further.send(notes(1, 1).map((note) => outgoing(source, note))),
  ).rejects.toMatchObject({ code: "STAGE_PRODUCER_CLOSED" });
  expect(EndStage.runningMost, "the option of forFeature replaces that of the decorator").toBe(2);
  expect(await kafka.lag("copy")).toBe(0);
  expect(await kafka.lag("copy.end", target)).toBe(0);
  for (const topic of [source, target]) await kafka.publish(notes(5, 5), topic);
  await sleep(500);
  expect(CopyStage.processed).toBe(50);
  expect(EndStage.seen.length).toBe(50);
});
