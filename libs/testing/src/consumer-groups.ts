import { serviceAccess } from "@sluice/provisioning";
import { type GroupState, type KafkaConnection, KafkaGroups } from "@sluice/stage";

/** The consumer groups of all services, as the broker knows them. The list is that of the accounts' rights. */
export class ConsumerGroups {
  readonly #connection: KafkaConnection;

  constructor(connection: KafkaConnection) {
    this.#connection = connection;
  }

  /** Uses a connection of its own for each call. @throws TransientFault `STAGE_BROKER_UNAVAILABLE` */
  async states(): Promise<readonly GroupState[]> {
    const groups = new KafkaGroups(this.#connection);
    try {
      const readings = Object.values(serviceAccess).flatMap(({ reads }) => [...reads]);
      return await Promise.all(
        readings.map(({ group, topic }) => groups.stateOf(group, topic.name)),
      );
    } finally {
      await groups.close();
    }
  }
}
