import kafkajs from "kafkajs";

const { PartitionAssigners } = kafkajs;

/**
 * Returns the client's own assigner, which also calls `joining` when the member is about to ask for
 * a new generation. No other moment precedes every rebalance, including the silent ones (stale
 * metadata). After it, an offset of the old generation must not be committed.
 */
export function generationHook(joining: () => void): kafkajs.PartitionAssigner {
  return (config) => {
    const assigner = PartitionAssigners.roundRobin(config);
    return {
      name: assigner.name,
      version: assigner.version,
      assign: (group) => assigner.assign(group),
      protocol: (subscription) => {
        joining();
        return assigner.protocol(subscription);
      },
    };
  };
}
