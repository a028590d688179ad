import { Argument, Command } from "@commander-js/extra-typings";
import { rootOf } from "../command-tree.ts";
import { type Finish, jsonOption } from "./definition.ts";

export const completionCommand = (finish: Finish) =>
  new Command("completion")
    .summary("print a completion script for bash, zsh or fish")
    .description("Prints a completion script for the sluice command on your PATH.")
    .addArgument(new Argument("<shell>", "your shell").choices(["bash", "zsh", "fish"] as const))
    .addOption(jsonOption("the script as a string"))
    .addHelpText(
      "after",
      "\nbash 4 and later, in ~/.bashrc: source <(sluice completion bash)\n" +
        "zsh, in ~/.zshrc after compinit: source <(sluice completion zsh)\n" +
        "fish: sluice completion fish > ~/.config/fish/completions/sluice.fish\n" +
        '\nIn a clone: export PATH="$PWD/node_modules/.bin:$PATH"',
    )
    .action(async (shell, { json }, command) => {
      const { completion } = await import("../completion/completion.ts");
      finish(await completion(rootOf(command), shell, json));
    });
