import { type Topic, TopicCodecs } from "@sluice/contracts";
import { PermanentFault, TransientFault } from "@sluice/domain";

/** A topic whose records are texts. */
export const textTopic: Topic<string> = {
  name: "source",
  record: "InferenceRequested",
  partitions: "default",
  config: {},
  deadLetter: true,
  keyedBy: "a constant",
  keyOf: () => "k",
};

/** Encodes text as its bytes. Decoding "?" meets a registry that is unavailable, and "#" is undecodable. */
export class TextCodecs extends TopicCodecs {
  override async prepare(): Promise<void> {}

  override encode<R>(_topic: Topic<R>, record: R): Buffer {
    return Buffer.from(String(record));
  }

  override async decode<R>(_topic: Topic<R>, value: Buffer): Promise<R> {
    const text = value.toString();
    if (text === "?") throw new TransientFault("CONTRACT_REGISTRY_UNAVAILABLE", "unavailable");
    if (text === "#") throw new PermanentFault("CONTRACT_UNDECODABLE", "garbage");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- records are texts here
    return text as R;
  }
}
