import { InMemoryTopicFollower } from "../src/index.ts";
import { topicFollowerContract } from "./topic-follower.contract.ts";

topicFollowerContract(async () => {
  const follower = new InMemoryTopicFollower();
  return {
    follower,
    topics: ["first", "second"],
    append: async (topic, key, value) =>
      follower.append(topic, key, value === null ? null : Buffer.from(value)),
    close: async () => undefined,
  };
});
