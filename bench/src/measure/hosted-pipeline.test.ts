import { expect, test } from "vitest";
import { startUpSecondsOf } from "./hosted-pipeline.ts";

test("start-up times are read from the supervisor's log of each process", () => {
  const log = [
    "kafka: ready after 3.4 s, 127.0.0.1:1",
    "inference-adapter: ready after 1.2 s, http://127.0.0.1:2",
    "ingress: ended with SIGKILL; starting it again in 0.5 s",
  ];
  expect(startUpSecondsOf(log)).toEqual({ kafka: 3.4, "inference-adapter": 1.2 });
});
