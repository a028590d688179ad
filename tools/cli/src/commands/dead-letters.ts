import { Argument, Command, Option } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption, switchOption, wholeNumber } from "./definition.ts";

const position = "as list shows it: <topic>/<partition>/<offset>";

export const deadLettersCommand = (finish: Finish) =>
  new Command("dead-letters")
    .summary("list, show and replay what could not be handled")
    .description(
      "Messages that could not be handled, kept with their original bytes. Looks at the\n" +
        "local stack, or where SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL say.",
    )
    .addCommand(listCommand(finish))
    .addCommand(showCommand(finish))
    .addCommand(replayCommand(finish));

const topicOption = () =>
  new Option("--topic <name>", "of one, such as inference.requested").default(undefined, "all");
const codeOption = () => new Option("--code <code>", "with this code").default(undefined, "all");
const scanOption = () =>
  new Option("--scan <n>", "newest of each partition to look at")
    .argParser(wholeNumber(1, 1_000_000))
    .default(10_000, "10000");

const listCommand = (finish: Finish) =>
  new Command("list")
    .summary("the newest, with code, stage and time")
    .description("The newest dead letters, newest first. Prompts are not shown.")
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
    .summary("one: headers, sizes, and on demand its content")
    .description("One dead letter: headers, code and sizes; on demand what is in it.")
    .addArgument(new Argument("<position>", position))
    .addOption(
      new Option("--value <file>", "original bytes to a file; - is stdout")
        .default(undefined, "not")
        .conflicts(["decode", "json"]),
    )
    .addOption(switchOption("--decode", "print the record as JSON: prompts are shown"))
    .addOption(dataDirOption())
    .addOption(jsonOption("one object; with --decode it has the record"))
    .action(async (place, options) =>
      finish(await (await import("../dead-letters/show.ts")).showDeadLetter(place, options)),
    );

const replayCommand = (finish: Finish) =>
  new Command("replay")
    .summary("send one, or all that match, to their topic again")
    .description(
      "Copies the original bytes, key and headers to the topic they came from, once the\n" +
        "cause is mended; else they become dead letters again. Repeats are replaceControlCharacters: a\n" +
        "request that was answered, or has failed, keeps its outcome.",
    )
    .addArgument(new Argument("[position]", position))
    .addOption(switchOption("--all", "all that match --topic and --code"))
    .addOption(topicOption())
    .addOption(codeOption())
    .addOption(scanOption())
    .addOption(switchOption("--dry-run", "only say what would be sent"))
    .addOption(switchOption("--yes", "do not ask; needed where there is no terminal"))
    .addOption(dataDirOption())
    .addOption(jsonOption("positions and count"))
    .action(async (place, options) =>
      finish(await (await import("../dead-letters/replay.ts")).replayDeadLetters(place, options)),
    );
