import { controlTopics, type TopicCodecs } from "@sluice/contracts";
import type { Following, RawMessage, StageLogger, TopicFollower } from "@sluice/stage";
import { ControlState } from "./control-state.ts";
import { type Kind, kinds } from "./entries.ts";

const kindOf: ReadonlyMap<string, Kind> = new Map(
  kinds.map((kind) => [controlTopics[kind].name, kind]),
);

/** Keeps a {@link ControlState} of the control topics, until it is closed. */
export class ControlReader {
  readonly state = new ControlState();
  readonly #following: Following;
  readonly #onChange: () => void;
  #taken: Promise<void> = Promise.resolve();

  constructor(
    follower: TopicFollower,
    private readonly codecs: TopicCodecs,
    private readonly logger: Pick<StageLogger, "error">,
    onChange: () => void = () => undefined,
  ) {
    this.#onChange = onChange;
    this.#following = follower.follow([...kindOf.keys()], (messages) => {
      // Decoding may have to ask the registry, and the order must stay.
      this.#taken = this.#taken.then(() => this.#take(messages));
    });
  }

  /** Resolves when the state has everything that the topics had when the reading began. */
  async caughtUp(): Promise<void> {
    await this.#following.caughtUp;
    await this.#taken;
  }

  async close(): Promise<void> {
    await this.#following.stop();
    await this.#taken;
  }

  async #take(messages: readonly RawMessage[]): Promise<void> {
    for (const message of messages)
      // oxlint-disable-next-line no-await-in-loop -- the order of a topic is its meaning
      await this.#takeOne(message);
    this.#onChange();
  }

  async #takeOne({ topic, key, value, offset }: RawMessage): Promise<void> {
    const kind = kindOf.get(topic);
    if (kind === undefined || key === null) return;
    try {
      const record = value === null ? null : await this.codecs.decode(controlTopics[kind], value);
      this.state.take(kind, key.toString(), record);
    } catch (error) {
      // The version stays incomplete, so that nothing is decided without this entry.
      this.logger.error(
        {
          topic,
          offset: String(offset),
          reason: error instanceof Error ? error.message : String(error),
        },
        "an entry of the declarations cannot be read; apply them again",
      );
    }
  }
}
