import kafkajs from "kafkajs";
import { KafkaAdmin } from "./kafka-admin.ts";
import type { KafkaConnection } from "./kafka-connection.ts";

/** One permission of one account, on a broker that denies everything else. */
export interface AccessRule {
  /** The broker's name of the account, `User:<name>`. */
  readonly principal: string;
  readonly resource: "topic" | "group";
  /** With the topic prefix. */
  readonly name: string;
  /** "prefixed" covers every resource whose name begins with `name`. */
  readonly match: "literal" | "prefixed";
  /** Either includes the right to describe. */
  readonly operation: "read" | "write";
}

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

const resources = { topic: AclResourceTypes.TOPIC, group: AclResourceTypes.GROUP };
const patterns = {
  literal: ResourcePatternTypes.LITERAL,
  prefixed: ResourcePatternTypes.PREFIXED,
};
const operations = { read: AclOperationTypes.READ, write: AclOperationTypes.WRITE };

/**
 * Grants permissions on the broker (ACLs). It never removes one, because other rules belong to the
 * operator.
 */
export class KafkaAccess {
  private readonly admin: KafkaAdmin;

  constructor(connection: KafkaConnection) {
    this.admin = new KafkaAdmin(connection);
  }

  /** Adds the rules. An existing rule is not changed. @throws TransientFault `STAGE_BROKER_UNAVAILABLE` */
  async grant(rules: readonly AccessRule[]): Promise<void> {
    const acl = rules.map(({ principal, resource, name, match, operation }) => ({
      principal,
      host: "*",
      resourceType: resources[resource],
      resourceName: name,
      resourcePatternType: patterns[match],
      operation: operations[operation],
      permissionType: AclPermissionTypes.ALLOW,
    }));
    await this.admin.ask((admin) => admin.createAcls({ acl }));
  }

  async close(): Promise<void> {
    await this.admin.close();
  }
}
