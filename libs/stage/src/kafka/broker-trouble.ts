import { connectionTroubleOf, errorsIn } from "@sluice/domain";
import { messageOf } from "../core/faults.ts";
import type { KafkaConnection } from "./kafka-connection.ts";

/** The operation that the broker refused. Names include the prefix, as in an ACL. */
export type BrokerWork =
  | { readonly kind: "read"; readonly topic: string; readonly group: string }
  | { readonly kind: "write"; readonly topics: readonly string[] }
  | { readonly kind: "manage" };

type Account = Pick<KafkaConnection, "sasl">;

/**
 * Explains to an operator why the broker could not be used: a wrong account, a missing right, or
 * trouble with the connection. In other cases it returns the client's own message. It never contains
 * a password.
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
    return `the broker gives no coordinator for ${groupOf(work)}: ${user} may lack the right READ on it`;
  return connectionTroubleOf(error) ?? ownWordsOf(errors) ?? messageOf(error);
}

/** Returns the broker's message about each topic, which the client hides in an aggregate. */
function ownWordsOf([first, ...inner]: readonly Error[]): string | undefined {
  if (first === undefined || !("errors" in first)) return first?.message;
  return inner.map(({ message }) => message).join("; ");
}

function lackingRight(kinds: ReadonlySet<string>, work: BrokerWork): string | undefined {
  if (kinds.has("GROUP_AUTHORIZATION_FAILED")) return `READ on ${groupOf(work)}`;
  // The cluster refuses an account as a producer if it may not write to any topic.
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

/** Returns the client's name of the error and the broker's name. */
function typesOf(error: Error): readonly string[] {
  return "type" in error && typeof error.type === "string"
    ? [error.name, error.type]
    : [error.name];
}
