import kafkajs from "kafkajs";

const { PartitionAssigners } = kafkajs;

/**
 * The client's own assigner, which calls `joining` when a member is about to
 * ask for a new generation: the only moment that precedes every rebalance, the
 * silent ones included (stale metadata), and after which an offset of the old
 * generation must not be committed.
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
