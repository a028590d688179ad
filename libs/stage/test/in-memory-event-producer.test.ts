import { TransientFault } from "@sluice/domain";
import { InMemoryEventProducer } from "../src/index.ts";
import { describeEventProducer } from "./event-producer.contract.ts";
import type { Note } from "./kafka-fixture.ts";

describeEventProducer("InMemoryEventProducer", async () => {
  const producer = new InMemoryEventProducer();
  return {
    producer,
    setAway: (away) => {
      producer.fault = away ? new TransientFault("STAGE_BROKER_UNAVAILABLE", "away") : undefined;
    },
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the contract sends notes only
    published: async () => producer.records.map(({ record }) => record as Note),
  };
});
