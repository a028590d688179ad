import { describe, expect, it } from "vitest";
import { type EventProducer, outgoing } from "../src/index.ts";
import { type Note, source } from "./kafka-fixture.ts";

export interface ProducerUnderTest {
  readonly producer: EventProducer;
  readonly setAway: (away: boolean) => void;
  /** Returns the messages on the topic, by key and in order. */
  readonly published: () => Promise<readonly Note[]>;
}

const of = (id: number) => outgoing(source, { id, key: "key" });

/** The behaviour of every EventProducer, including the fake. */
export function describeEventProducer(name: string, make: () => Promise<ProducerUnderTest>): void {
  describe(`${name} is an event producer that`, () => {
    it("keeps the order within and between sends", async () => {
      const { producer, published } = await make();
      await Promise.all([producer.send([of(0), of(1)]), producer.send([of(2)])]);
      await producer.send([of(3)]);
      expect((await published()).map(({ id }) => id)).toEqual([0, 1, 2, 3]);
    });

    it("sends nothing when there is nothing to send", async () => {
      const { producer, published } = await make();
      await producer.send([]);
      expect(await published()).toEqual([]);
    });

    it("rejects with an outage while its broker is unavailable, and works afterwards", async () => {
      const { producer, setAway, published } = await make();
      setAway(true);
      await expect(producer.send([of(0)])).rejects.toMatchObject({
        name: "TransientFault",
        code: "STAGE_BROKER_UNAVAILABLE",
      });
      setAway(false);
      await producer.send([of(1)]);
      expect((await published()).map(({ id }) => id)).toContain(1);
    });
  });
}
