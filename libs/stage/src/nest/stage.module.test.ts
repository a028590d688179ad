import { Injectable, Module, type Type } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { TelemetryModule } from "@sluice/telemetry";
import { expect, test } from "vitest";
import { type Delivery, type Effect, skip } from "../core/effects.ts";
import { ConcurrentStage, SliceStage } from "../core/stage.ts";
import { TextCodecs, textTopic } from "../run/text-records.fixture.ts";
import { Stage } from "./stage.decorator.ts";
import { StageModule } from "./stage.module.ts";

const telemetry = {
  service: "suite",
  logLevel: "silent" as const,
  adminHost: "127.0.0.1",
  adminPort: 0,
};

async function start(stage: Type<SliceStage<unknown> | ConcurrentStage<unknown>>): Promise<void> {
  const connection = { brokers: ["127.0.0.1:1"], topicPrefix: "", clientId: "suite" };
  @Module({
    imports: [
      TelemetryModule.forRoot(telemetry),
      StageModule.forRoot({ connection, codecs: new TextCodecs() }),
    ],
    providers: [stage],
  })
  class AppModule {}
  await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
}

async function skipAll(slice: readonly Delivery<unknown>[]): Promise<readonly Effect[]> {
  return slice.map(() => skip("test"));
}

test("an application does not start with a stage that has no decorator", async () => {
  @Injectable()
  class ForgottenStage extends SliceStage<string> {
    override process = skipAll;
  }
  await expect(start(ForgottenStage)).rejects.toThrow("ForgottenStage has no topic");
});

test("an application does not start with a stage on a topic without dead letters", async () => {
  @Injectable()
  @Stage({ on: { ...textTopic, deadLetter: false }, group: "suite" })
  class StageWithoutExit extends SliceStage<string> {
    override process = skipAll;
  }
  await expect(start(StageWithoutExit)).rejects.toMatchObject({
    code: "STAGE_NO_DEAD_LETTER_TOPIC",
  });
});

test("the compiler refuses a stage on a topic of another record", () => {
  // @ts-expect-error -- the topic holds text, and the stage processes numbers
  @Stage({ on: textTopic, group: "suite" })
  class NumberStage extends SliceStage<number> {
    override process = skipAll;
  }
  // @ts-expect-error -- only a concurrent stage has a limit of running calls
  @Stage({ on: textTopic, group: "suite", concurrency: 2 })
  class TextStage extends SliceStage<string> {
    override process = skipAll;
  }
  expect([NumberStage, TextStage]).toHaveLength(2);
});
