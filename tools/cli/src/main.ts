import { Fault } from "@sluice/domain";
import { UsageError } from "./usage-error.ts";

/** Takes what follows the command's name; yields the exit code. */
type Command = (args: readonly string[]) => Promise<number>;

/** Loaded when asked for: what `up` needs takes longer to load than `status` takes to answer. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import("./up.ts")).up,
  down: async () => (await import("./down.ts")).down,
  status: async () => (await import("./status.ts")).status,
  costs: async () => (await import("./costs.ts")).costs,
  provision: async () => (await import("./provision.ts")).provision,
};

const help = `sluice <command>

  up        start everything and keep it running until Ctrl-C
            --detach       return when it is ready
            --parts-only   only Kafka, schema registry, Redis and PostgreSQL
            --free-ports   choose ports on which nothing listens, once per data directory
            --no-demo      leave out the demo of the first start
  down      stop it
  status    say what runs; exit code 1 when something does not
            --json         for programs
  costs     what was spent and saved
            --by <list>    tenant, team, feature, user, key, model, variant, provider, tier,
                           cache, complexity, lane, hour; separated by commas, by default tenant
            --tenant <id>, --since <hour>, --until <hour>
            --format table|json
  provision create topics and register schemas on the Kafka and the registry that
            SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL name
            --set-compatibility   set the registry's own level to FULL_TRANSITIVE

  All take --data-dir <folder>, by default .sluice in the repository.
`;

async function main([name = "help", ...args]: readonly string[]): Promise<number> {
  if (["help", "--help", "-h"].includes(name)) {
    process.stdout.write(help);
    return 0;
  }
  const load = commands[name];
  if (!load) throw new UsageError(`There is no command "${name}".`);
  const command = await load();
  return command(args);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) process.stderr.write(`${error.message} See "sluice help".\n`);
  else if (error instanceof Fault) process.stderr.write(`${error.message}\n`);
  else console.error(error);
  process.exitCode = 1;
}
// A command that was interrupted may have left a connection open, which must not keep us.
process.exit();
