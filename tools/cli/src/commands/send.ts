import { Argument, Command, Option } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption, switchOption, wholeNumber } from "./definition.ts";

export const sendCommand = (finish: Finish) =>
  new Command("send")
    .summary("send one prompt, or a file of them")
    .description("Sends one prompt, or each line of a JSONL file, over HTTP.")
    .addArgument(new Argument("[prompt]", "the prompt; - reads it from standard input"))
    .addOption(new Option("--file <jsonl>", 'lines {"prompt": …} or {"messages": …}; - is stdin'))
    .addOption(new Option("--output <jsonl>", "where its results go").default(undefined, "stdout"))
    .addOption(new Option("--model <id>", "auto, a tier, or a model's id").default("auto", "auto"))
    .addOption(switchOption("--stream", "print the tokens of one prompt as they come"))
    .addOption(
      new Option("--concurrency <n>", "requests at once, 1 to 256")
        .argParser(wholeNumber(1, 256))
        .default(8, "8"),
    )
    .addOption(
      new Option("--timeout <seconds>", "for one answer, 1 to 3600")
        .argParser(wholeNumber(1, 3600))
        .default(120, "120"),
    )
    .addOption(
      new Option("--round <n>", "2 asks anew, also what had failed")
        .argParser(wholeNumber(1, 1_000))
        .default(1, "1"),
    )
    .addOption(
      new Option("--url <address>", "of the edge").default(
        undefined,
        "SLUICE_URL, else the local stack",
      ),
    )
    .addOption(
      new Option("--key <key>", "API key").default(undefined, "SLUICE_API_KEY, else the demo key"),
    )
    .addOption(dataDirOption())
    .addOption(jsonOption("the whole answer; of a file, the summary"))
    .addHelpText(
      "after",
      "\nA line's own model, id and parameters stand. Results are written as they come.\n" +
        "The same file again within 24 h joins its requests and pays nothing twice.",
    )
    .action(async (prompt, options) =>
      finish(await (await import("../send/send.ts")).send(prompt, options)),
    );
