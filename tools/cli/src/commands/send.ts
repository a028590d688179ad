import { Argument, Command, Option } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption, switchOption, wholeNumber } from "./definition.ts";

export const sendCommand = (finish: Finish) =>
  new Command("send")
    .summary("send one prompt, or a file of prompts")
    .description("Sends one prompt, or each line of a JSONL file, over HTTP.")
    .addArgument(new Argument("[prompt]", "the prompt; - reads it from standard input"))
    .addOption(
      new Option("--file <jsonl>", 'lines of {"prompt": …} or {"messages": …}; - is stdin'),
    )
    .addOption(
      new Option("--output <jsonl>", "file for the results of --file").default(undefined, "stdout"),
    )
    .addOption(new Option("--model <id>", "auto, a tier, or a model id").default("auto", "auto"))
    .addOption(switchOption("--stream", "print tokens as they arrive; only for one prompt"))
    .addOption(
      new Option("--concurrency <n>", "requests at once, 1 to 256")
        .argParser(wholeNumber(1, 256))
        .default(8, "8"),
    )
    .addOption(
      new Option("--timeout <seconds>", "limit for one answer, 1 to 3600")
        .argParser(wholeNumber(1, 3600))
        .default(120, "120"),
    )
    .addOption(
      new Option("--round <n>", "a new number repeats the whole file")
        .argParser(wholeNumber(1, 1_000))
        .default(1, "1"),
    )
    .addOption(
      new Option("--url <address>", "HTTP edge").default(
        undefined,
        "SLUICE_URL, else the local stack",
      ),
    )
    .addOption(
      new Option("--key <key>", "API key").default(undefined, "SLUICE_API_KEY, else the demo key"),
    )
    .addOption(dataDirOption())
    .addOption(jsonOption("the whole answer, or the summary of --file"))
    .addHelpText(
      "after",
      "\nA line can set its own model, id and parameters. Results are written on arrival.\n" +
        "If you send the same file again within 24 h, no request is paid twice.",
    )
    .action(async (prompt, options) =>
      finish(await (await import("../send/send.ts")).send(prompt, options)),
    );
