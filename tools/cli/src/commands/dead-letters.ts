import { Argument, Command, Option } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption, switchOption, wholeNumber } from "./definition.ts";

const position = "position as list prints it: <topic>/<partition>/<offset>";

export const deadLettersCommand = (finish: Finish) =>
  new Command("dead-letters")
    .summary("list, show and replay dead letters")
    .description(
      "Lists, shows and replays dead letters: messages that a stage could not handle,\n" +
        "stored with their original bytes. Reads the local stack, or the Kafka and the\n" +
        "registry that SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL name.",
    )
    .addCommand(listCommand(finish))
    .addCommand(showCommand(finish))
    .addCommand(replayCommand(finish));

const topicOption = () =>
  new Option("--topic <name>", "only this topic, e.g. inference.requested").default(
    undefined,
    "all",
  );
const codeOption = () => new Option("--code <code>", "only this code").default(undefined, "all");
const scanOption = () =>
  new Option("--scan <n>", "newest messages to read per partition")
    .argParser(wholeNumber(1, 1_000_000))
    .default(10_000, "10000");

const listCommand = (finish: Finish) =>
  new Command("list")
    .summary("list the newest, with code, stage and time")
    .description("Lists the newest dead letters, newest first. Prompts are not shown.")
    .addOption(topicOption())
    .addOption(codeOption())
    .addOption(
      new Option("--limit <n>", "how many to show, 1 to 10000")
        .argParser(wholeNumber(1, 10_000))
        .default(20, "20"),
    )
    .addOption(scanOption())
    .addOption(dataDirOption())
    .addOption(jsonOption("an array"))
    .action(async (options) =>
      finish(await (await import("../dead-letters/list.ts")).listDeadLetters(options)),
    );

const showCommand = (finish: Finish) =>
  new Command("show")
    .summary("show the headers, code and sizes of one")
    .description(
      "Shows the headers, code and sizes of one dead letter. Its content is shown only\n" +
        "with --decode or --value.",
    )
    .addArgument(new Argument("<position>", position))
    .addOption(
      new Option("--value <file>", "file for the original bytes; - is stdout")
        .default(undefined, "none")
        .conflicts(["decode", "json"]),
    )
    .addOption(switchOption("--decode", "print the record as JSON, including prompts"))
    .addOption(dataDirOption())
    .addOption(jsonOption("one object; --decode adds the record"))
    .action(async (place, options) =>
      finish(await (await import("../dead-letters/show.ts")).showDeadLetter(place, options)),
    );

const replayCommand = (finish: Finish) =>
  new Command("replay")
    .summary("send one, or all that match, to the original topic")
    .description(
      "Copies the original bytes, key and headers back to the original topic. Fix the\n" +
        "cause first; otherwise the messages become dead letters again. Replaying twice\n" +
        "is safe: a request that was answered or has failed keeps its outcome. Requests\n" +
        "that were signed more than 5 minutes ago need SLUICE_REPLAY_SECRET, as ingress\n" +
        "has it; the local stack has one.",
    )
    .addArgument(new Argument("[position]", position))
    .addOption(switchOption("--all", "all that match --topic and --code"))
    .addOption(topicOption())
    .addOption(codeOption())
    .addOption(scanOption())
    .addOption(switchOption("--dry-run", "only show what would be sent"))
    .addOption(switchOption("--yes", "do not ask; required without a terminal"))
    .addOption(dataDirOption())
    .addOption(jsonOption("positions and count"))
    .action(async (place, options) =>
      finish(await (await import("../dead-letters/replay.ts")).replayDeadLetters(place, options)),
    );
