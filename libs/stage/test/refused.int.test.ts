import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import {
  ConcurrentStage,
  deadLetter,
  type Delivery,
  type Effect,
  emit,
  outgoing,
  runConcurrentStage,
  SliceStage,
} from "../src/index.ts";
import {
  briskBackOff,
  briskSettings,
  eventually,
  idsOf,
  KafkaFixture,
  type Note,
  notes,
  source,
  sourceDeadLetters,
  target,
} from "./kafka-fixture.ts";

let kafka: KafkaFixture;
afterEach(() => kafka.close());

/** A text that no codec makes shorter than the limits of these tests. */
const text = randomBytes(40_000).toString("base64");
const long: Note = { id: 7, key: "key-0", text };

/** Copies notes to a topic whose records may lose their text. */
const shortTarget = {
  ...target,
  shorten: ({ text: _text, ...note }: Note): Note => note,
};

function effectOf({ record }: Delivery<Note>): Effect {
  return record.id === 8 ? deadLetter("X", "x") : emit(outgoing(shortTarget, record));
}

class Copying extends SliceStage<Note> {
  override async process(slice: readonly Delivery<Note>[]): Promise<readonly Effect[]> {
    return slice.map(effectOf);
  }
}

class Calling extends ConcurrentStage<Note> {
  override async handle(delivery: Delivery<Note>): Promise<Effect> {
    return effectOf(delivery);
  }
}

/** Returns the ids once each: a slice with a refused message runs again, one message at a time. */
function distinct(arrived: readonly Delivery<Note>[]): readonly number[] {
  return [...new Set(idsOf(arrived))].toSorted((a, b) => a - b);
}

const start = {
  slice: () => kafka.slices(new Copying()),
  concurrent: async () =>
    kafka.track(
      await runConcurrentStage(new Calling(), kafka.surroundings(), {
        on: source,
        group: "suite",
        settings: briskSettings,
        backOff: briskBackOff,
      }),
    ),
};

describe.each(["slice", "concurrent"] as const)(
  "a %s stage whose message Kafka refuses",
  (kind) => {
    it("publishes it shortened, and the partition continues", async () => {
      kafka = await KafkaFixture.create(1);
      await kafka.configure(target, { "max.message.bytes": "10000" });
      await kafka.publish([...notes(3, 1), long, ...notes(2, 1, 10)]);
      await start[kind]();
      await eventually(async () => (await kafka.lag()) === 0);
      const arrived = await kafka.readAll(target);
      expect(distinct(arrived)).toEqual([0, 1, 2, 7, 10, 11]);
      expect(arrived.find(({ record }) => record.id === 7)?.record).toEqual({
        id: 7,
        key: "key-0",
      });
      expect(await kafka.offsets.endOffsets(sourceDeadLetters.name)).toEqual(new Map([[0, 0n]]));
    });

    it("gives up a dead letter that is refused even without its original, and the partition continues", async () => {
      kafka = await KafkaFixture.create(1);
      await kafka.configure(sourceDeadLetters, { "max.message.bytes": "100" });
      await kafka.publish([{ ...long, id: 8 }, ...notes(2, 1)]);
      await start[kind]();
      await eventually(async () => (await kafka.lag()) === 0);
      expect(distinct(await kafka.readAll(target))).toEqual([0, 1]);
      const unpublished = { code: "STAGE_MESSAGE_UNPUBLISHED" };
      expect(await kafka.metric("stage_faults_total", unpublished)).toBe(1);
    });
  },
);
