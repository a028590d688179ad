import { connectionTroubleOf, errorsIn } from "@sluice/domain";
import { messageOf } from "../core/faults.ts";
import type { KafkaConnection } from "./kafka-connection.ts";

/** What was tried when the broker said no; names with prefix, as an ACL has them. */
export type BrokerWork =
  | { readonly kind: "read"; readonly topic: string; readonly group: string }
  | { readonly kind: "write"; readonly topics: readonly string[] }
  | { readonly kind: "manage" };

type Account = Pick<KafkaConnection, "sasl">;

/**
 * Why the broker could not be used, for whoever operates: wrong account, missing right, or trouble
 * with the connection. The client's own words where it is none of these. Never a password.
 */
export function brokerReasonOf(error: unknown, { sasl }: Account, work: BrokerWork): string {
  const errors = [...errorsIn(error)];
  const user = sasl ? `user "${sasl.username}"` : "we, without a user,";
  if (errors.some(({ name }) => name === "KafkaJSSASLAuthenticationError")) {
    const unknown = errors.some(({ message }) => message.includes("mechanism is not supported"));
    return unknown
      ? `the broker does not offer ${sasl?.mechanism}: set another SASL mechanism`
      : `the broker does not accept ${user} with its password (${sasl?.mechanism})`;
  }
  const kinds = new Set(errors.flatMap(typesOf));
  const lacking = lackingRight(kinds, work);
  if (lacking !== undefined)
    return `${user} lacks a right on Kafka: ${lacking}; "sluice provision --print-acls" lists them`;
  if (kinds.has("KafkaJSGroupCoordinatorNotFound"))
    return `no coordinator can be had for ${groupOf(work)}: ${user} may lack the right READ on it`;
  return connectionTroubleOf(error) ?? ownWordsOf(errors) ?? messageOf(error);
}

/** The client hides what the broker said about each topic in an aggregate. */
function ownWordsOf([first, ...inner]: readonly Error[]): string | undefined {
  if (first === undefined || !("errors" in first)) return first?.message;
  return inner.map(({ message }) => message).join("; ");
}

function lackingRight(kinds: ReadonlySet<string>, work: BrokerWork): string | undefined {
  if (kinds.has("GROUP_AUTHORIZATION_FAILED")) return `READ on ${groupOf(work)}`;
  // Who may write to no topic at all is refused as a producer, by the cluster.
  const refused = ["TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED"];
  if (!refused.some((kind) => kinds.has(kind))) return undefined;
  if (work.kind === "read") return `READ on topic ${work.topic}`;
  if (work.kind === "manage") return "CREATE, DESCRIBE or ALTER, on topics or on the cluster";
  const [one = "", ...others] = work.topics;
  return others.length === 0
    ? `WRITE on topic ${one}`
    : `WRITE on one of the topics ${work.topics.join(", ")}`;
}

function groupOf(work: BrokerWork): string {
  return work.kind === "read" ? `consumer group ${work.group}` : "the consumer group";
}

/** The client's name of the error, and the broker's. */
function typesOf(error: Error): readonly string[] {
  return "type" in error && typeof error.type === "string"
    ? [error.name, error.type]
    : [error.name];
}
