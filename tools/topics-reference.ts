import { writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { files, read, root } from "./tree.ts";

// `npm run docs:reference` runs this file. It writes the topics' reference from the topic catalogue,
// the table of accounts and the schemas.
export const reference = "docs/reference/topics.md";

interface Topic {
  readonly name: string;
  readonly record: string;
  readonly keyedBy: string;
  readonly partitions: "default" | number;
  readonly config: Readonly<Record<string, string>>;
  readonly deadLetter: boolean;
}

interface Catalogue {
  readonly allTopics: readonly Topic[];
  readonly tenantTopics: readonly Topic[];
  readonly tenantTopicOf: (shared: Topic, tenant: string) => Topic;
}

/** The right of a service or of a user's program to read or write a topic. */
interface Right {
  readonly who: string;
  readonly topic: string;
  readonly operation: "read" | "write";
}

interface Rule {
  readonly principal: string;
  readonly resource: string;
  readonly name: string;
  readonly operation: "read" | "write";
}

interface Accounts {
  readonly serviceRules: (topicPrefix: string, tenants: readonly string[]) => readonly Rule[];
  readonly clientRules: (principal: string, keyId: string, topicPrefix: string) => readonly Rule[];
  readonly tenantRules: (
    tenant: { readonly tenant: string; readonly keyIds: readonly string[] },
    topicPrefix: string,
  ) => readonly Rule[];
}

type AvroType =
  | string
  | readonly AvroType[]
  | {
      readonly type: string;
      readonly logicalType?: string;
      readonly items?: AvroType;
      readonly values?: AvroType;
    };

interface Field {
  readonly name: string;
  readonly type: AvroType;
  readonly doc: string;
  readonly default?: unknown;
}

interface Schema {
  readonly type: "record" | "enum";
  readonly name: string;
  readonly doc: string;
  readonly fields?: readonly Field[];
  readonly symbols?: readonly string[];
  /** The default symbol of an enum. */
  readonly default?: string;
}

const dayMs = 24 * 60 * 60 * 1000;
const daysOfYear = 365;

const preface = `# Topics and records

These topics and their Avro records are Sluice's public interface. \`npm run docs:reference\` generates
this page from the topic catalogue, the table of accounts and the schemas.

Each topic name begins with the installation's prefix (\`SLUICE_KAFKA_TOPIC_PREFIX\`), which is empty by
default. Messages have Confluent's wire format, and their schema is registered under \`<topic>-value\`. The
[schemas](../../schemas/README.md) page describes how schemas may change and where they are stored.

Delivery is at least once. A reader therefore receives repeats, and drops them by id (\`requestId\` of an
outcome, \`chargeId\` of a charge). All repeats of an id have the same content.
`;

const afterTopics = `In this table, "users" are programs with an API key, such as [@sluice/client](../../libs/client/README.md), and
"operators" are programs that may read the outcomes and charges of all tenants.

A tenant with \`ownTopics: true\` in \`sluice.yaml\` has its own \`inference.responded.<tenant>\` and \`cost.charged.<tenant>\`.
The service that writes an outcome or a charge of this tenant to the shared topic writes the same bytes, key and headers to the
tenant's topic, in the same send, and commits its offset when both are acknowledged. Both topics therefore have the
same number of partitions and the same guarantees. The schemas are those under the subject of the shared topic.
\`sluice up\` and \`sluice provision\` create these topics, and nothing removes them: a tenant that is removed keeps its topics for
their retention. [Connect your Kafka](../guides/connect-your-kafka.md#tenants-with-their-own-topics) shows the rights.

Three headers of the users' requests prove who sent them: \`sluice-key-id\`, \`sluice-issued-at\` and
\`sluice-signature\`. The signature is \`v2.\` and the lower-case hex of HMAC-SHA256, with the secret of the
key, over seven fields that line feeds join:

1. \`v2\`
2. the name of the topic, with the installation's prefix
3. the key id
4. \`sluice-issued-at\`, in milliseconds since 1970
5. the lower-case hex SHA-256 of the value as it is sent
6. that of the header \`correlation-id\`, or nothing if it is not sent
7. that of the header \`traceparent\`, or nothing if it is not sent

A tracing agent that adds \`traceparent\` after the signature makes the message invalid. Set the header before
you sign, or switch the agent off for this topic. The [Python
example](../../examples/kafka-python/README.md) makes signatures, and [test
vectors](../../schemas/request-signature.vectors.json) check other implementations. The response has the
request's \`correlation-id\` header, which has at most 1,024 bytes of visible text.

The signature of version 0.1.0 has no \`v2.\`, and covers fields 2 (without the prefix) to 5 only. Ingress
accepts it until version 0.3.0. The metric \`intake_signatures_total{form="first"}\` counts these messages. The log of ingress names each
key that still makes them.

A message that a stage cannot handle is copied to the dead-letter topic of the topic it was read from,
\`<topic>.dead-letter\`. The copy has the original bytes and the same retention. Its headers give the reason
and the origin: \`dead-letter-code\` ([errors](errors.md)), \`-stage\`, \`-topic\`, \`-partition\`, \`-offset\`,
\`-appended-at\` (when the original was appended) and \`-at\`. \`npx sluice dead-letters list\` lists dead letters. A replay of a request has three more headers,
\`sluice-replay-of\`, \`sluice-replay-at\` and \`sluice-replay-signature\`, which the installation's
\`SLUICE_REPLAY_SECRET\` signs ([decision 20](../decisions/0020-operators-sign-replays.md)).
`;

const beforeRecords = `Times are milliseconds since 1970, UTC. Money is in whole nano-USD (10⁻⁹ dollars). A field without a
default is required. If a reader does not know a symbol of an enum, it reads the enum's default.
`;

/** Returns the whole page, not yet formatted. */
export async function topicsReference(): Promise<string> {
  const {
    allTopics: topics,
    tenantTopics,
    tenantTopicOf,
  }: Catalogue = await import(join(root, "libs/contracts/src/topics.ts"));
  const ofTenant = tenantTopics.map((topic) => tenantTopicOf(topic, "<tenant>"));
  const accounts: Accounts = await import(join(root, "libs/provisioning/src/access.ts"));
  const schemas = schemasInOrder(topics.map(({ record }) => record));
  return [
    preface,
    "## Topics\n",
    ...tableOf([...topics, ...ofTenant], rightsIn(accounts)),
    "",
    afterTopics,
    "## Records\n",
    beforeRecords,
    ...schemas.flatMap((schema) => sectionOf(schema, topics)),
  ].join("\n");
}

function tableOf(topics: readonly Topic[], rights: readonly Right[]): readonly string[] {
  const rows = topics.map((topic) => {
    const who = (operation: Right["operation"]): string =>
      rights
        .filter((right) => right.topic === topic.name && right.operation === operation)
        .map((right) => right.who)
        .join(", ");
    const cells = [
      `\`${topic.name}\``,
      linkTo(topic.record),
      topic.keyedBy,
      topic.partitions === "default" ? "as configured" : String(topic.partitions),
      keptOf(topic),
      topic.config["cleanup.policy"] ?? "",
      topic.config["message.timestamp.type"] ?? "",
      topic.deadLetter ? "yes" : "none",
      who("write") || "operators",
      who("read"),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const heads = ["topic", "record", "key", "partitions", "kept", "cleanup", "time of a message"];
  const titles = [...heads, "dead letters", "written by", "read by"];
  return [`| ${titles.join(" | ")} |`, `|${" --- |".repeat(titles.length)}`, ...rows];
}

/** Returns the rights on topics other than those of dead letters. */
function named(rules: readonly Rule[], whoOf: (rule: Rule) => string): readonly Right[] {
  return rules
    .filter(({ resource, name }) => resource === "topic" && !name.endsWith(".dead-letter"))
    .map((rule) => ({ who: whoOf(rule), topic: rule.name, operation: rule.operation }));
}

function rightsIn({ serviceRules, clientRules, tenantRules }: Accounts): readonly Right[] {
  const tenant = { tenant: "<tenant>", keyIds: [] };
  return [
    ...named(serviceRules("", [tenant.tenant]), ({ principal }) =>
      principal.replace("User:sluice-", ""),
    ),
    ...named(clientRules("", "", ""), ({ operation }) =>
      operation === "read" ? "operators" : "users",
    ),
    ...named(tenantRules(tenant, ""), () => "the tenant").filter(
      ({ operation }) => operation === "read",
    ),
  ];
}

function keptOf({ config }: Topic): string {
  if (config["retention.ms"] === undefined) return "until replaced";
  const days = Number(config["retention.ms"]) / dayMs;
  return days % daysOfYear === 0 ? `${days / daysOfYear} years` : `${days} days`;
}

/** Returns the records of the topics, each followed by the types that it is the first to use. */
function schemasInOrder(records: readonly string[]): readonly Schema[] {
  const known = new Map(schemaFiles().map((schema) => [schema.name, schema]));
  const ordered = new Set<Schema>();
  const visit = (name: string): void => {
    const schema = known.get(name);
    if (!schema || ordered.has(schema)) return;
    ordered.add(schema);
    for (const { type } of schema.fields ?? []) for (const used of namesIn(type)) visit(used);
  };
  for (const record of records) visit(record);
  return [...ordered];
}

function schemaFiles(): readonly Schema[] {
  return files
    .filter((file) => posix.dirname(file) === "schemas" && file.endsWith(".avsc"))
    .map((file): Schema => JSON.parse(read(file)));
}

function namesIn(type: AvroType): readonly string[] {
  if (typeof type === "string") return [type];
  if (isUnion(type)) return type.flatMap(namesIn);
  return [type.items, type.values].flatMap((inner) => (inner ? namesIn(inner) : []));
}

function sectionOf(schema: Schema, topics: readonly Topic[]): readonly string[] {
  const on = topics.filter(({ record }) => record === schema.name).map(({ name }) => `\`${name}\``);
  const doc = on.length === 0 ? schema.doc : `${schema.doc} On ${on.join(", ")}.`;
  const head = [`### ${schema.name}`, "", doc, ""];
  if (schema.symbols) {
    const symbols = schema.symbols.map((each) => `\`${each}\``).join(", ");
    return [...head, `One of ${symbols}; by default \`${schema.default}\`.`, ""];
  }
  const rows = (schema.fields ?? []).map(
    (field) =>
      `| \`${field.name}\` | ${typeName(field.type)} | ${defaultOf(field)} | ${escaped(field.doc)} |`,
  );
  return [
    ...head,
    "| field | type | default | meaning |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ];
}

function typeName(type: AvroType): string {
  if (typeof type === "string") return /^[A-Z]/.test(type) ? linkTo(type) : type;
  if (isUnion(type)) {
    const inner = type.filter((each) => each !== "null").map(typeName);
    return `${inner.join(" or ")}, optional`;
  }
  if (type.items) return `list of ${typeName(type.items)}`;
  if (type.values) return `map of ${typeName(type.values)}`;
  return type.logicalType === "timestamp-millis" ? "time" : type.type;
}

function isUnion(type: AvroType): type is readonly AvroType[] {
  return Array.isArray(type);
}

function defaultOf(field: Field): string {
  if (!("default" in field)) return "";
  return `\`${JSON.stringify(field.default).replaceAll(",", ", ")}\``;
}

function linkTo(record: string): string {
  return `[${record}](#${record.toLowerCase()})`;
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "\\<");
}

if (import.meta.main) writeFileSync(join(root, reference), await topicsReference());
