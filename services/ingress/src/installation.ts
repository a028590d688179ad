import type { Config } from "./config.ts";

/** What distinguishes this installation's messages and requests from those of others. */
export interface Installation {
  /** The prefix of all topics, which signatures cover. */
  readonly topicPrefix: string;
  /** Signs the replays of operators. Without it, no message is a replay. */
  readonly replaySecret: string | undefined;
  /** Signs who pays for a request. */
  readonly attributionSecret: string;
}

/** The injection token of {@link Installation}. */
export const INSTALLATION = Symbol("prefix and secrets of the installation");

export function installationOf(config: Config): Installation {
  return {
    topicPrefix: config.SLUICE_KAFKA_TOPIC_PREFIX,
    replaySecret: config.SLUICE_REPLAY_SECRET,
    attributionSecret: config.SLUICE_ATTRIBUTION_SECRET,
  };
}
