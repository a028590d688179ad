import type { OptionWord, Word, Words } from "./words.ts";

/** Contains all words in the script itself: starting Node for each Tab would make the user wait. */
export const scriptOf: Readonly<
  Record<"bash" | "zsh" | "fish", (commands: readonly Words[]) => string>
> = { bash: bashScript, zsh: zshScript, fish: fishScript };

function bashScript(commands: readonly Words[]): string {
  return `# Completion of sluice for bash: source <(sluice completion bash)
_sluice() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="" each
  for each in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command/$each" in
      ${pathPatterns(commands)}) command="$command/$each" ;;
    esac
  done
  COMPREPLY=()
  case "$command \${COMP_WORDS[COMP_CWORD-1]}" in
${valueCases(commands, bashOffer, 'mapfile -t COMPREPLY < <(compgen -f -- "$word")')}
  esac
  case "$command" in
${commands.map((each) => `    ${quoted(slashed(each))}) ${bashOffer(namesOf(each))} ;;`).join("\n")}
  esac
}
complete -o filenames -o bashdefault -F _sluice sluice
`;
}

function zshScript(commands: readonly Words[]): string {
  return `#compdef sluice
# Completion of sluice for zsh, after compinit: source <(sluice completion zsh)
_sluice() {
  local command="" each
  local -a offered
  for each in "\${(@)words[2,CURRENT-1]}"; do
    case "$command/$each" in
      ${pathPatterns(commands)}) command="$command/$each" ;;
    esac
  done
  case "$command \${words[CURRENT-1]}" in
${valueCases(commands, zshOffer, "_files")}
  esac
  case "$command" in
${commands.map((each) => `    ${quoted(slashed(each))}) offered=(${zshDescribed(each)}) ;;`).join("\n")}
  esac
  _describe sluice offered
}
compdef _sluice sluice
`;
}

function bashOffer(words: readonly string[]): string {
  return `mapfile -t COMPREPLY < <(compgen -W ${quoted(words.join(" "))} -- "$word")`;
}

function zshOffer(words: readonly string[]): string {
  return `compadd -- ${words.map(quoted).join(" ")}`;
}

/** Returns each word with its meaning after a colon. */
function zshDescribed({ subcommands, options, values }: Words): string {
  return [...subcommands, ...options]
    .map(({ name, meaning }) => quoted(`${name}:${meaning.replaceAll(":", String.raw`\:`)}`))
    .concat(values.map(quoted))
    .join(" ");
}

function fishScript(commands: readonly Words[]): string {
  const lines = commands.flatMap((each) => {
    const when = quoted(fishCondition(each));
    return [
      ...each.subcommands.map(
        ({ name, meaning }) =>
          `complete -c sluice -n ${when} -a ${quoted(name)} -d ${quoted(meaning)}`,
      ),
      ...each.values.map((value) => `complete -c sluice -n ${when} -a ${quoted(value)}`),
      ...each.options.map((option) => `complete -c sluice -n ${when} ${fishOption(option)}`),
    ];
  });
  return `# Completion of sluice for fish: sluice completion fish > ~/.config/fish/completions/sluice.fish
complete -c sluice -f
${lines.join("\n")}
`;
}

function fishCondition({ command, subcommands }: Words): string {
  if (command === "") return "__fish_use_subcommand";
  const seen = command.split(" ").map((name) => `__fish_seen_subcommand_from ${name}`);
  const below = subcommands.map(({ name }) => name).join(" ");
  return [...seen, ...(below ? [`not __fish_seen_subcommand_from ${below}`] : [])].join("; and ");
}

function fishOption({ name, meaning, follows }: OptionWord): string {
  const base = `-l ${name.replace(/^--/, "")} -d ${quoted(meaning)}`;
  if (follows === "nothing") return base;
  if (follows === "file") return `${base} -r -F`;
  return follows === "text" ? `${base} -x` : `${base} -x -a ${quoted(follows.join(" "))}`;
}

/** Returns the shell cases that complete the value of an option, one for each "<command> <option>". */
function valueCases(
  commands: readonly Words[],
  offer: (words: readonly string[]) => string,
  files: string,
): string {
  const lines = commands.flatMap((each) =>
    each.options.flatMap(({ name, follows }) => {
      if (follows === "nothing") return [];
      const pattern = quoted(`${slashed(each)} ${name}`);
      const offered =
        follows === "file" ? `${files}; ` : follows === "text" ? "" : `${offer(follows)}; `;
      return [`    ${pattern}) ${offered}return ;;`];
    }),
  );
  return lines.join("\n");
}

function pathPatterns(commands: readonly Words[]): string {
  return commands
    .filter(({ command }) => command !== "")
    .map(slashed)
    .join(" | ");
}

/** Returns a command as a path, such as `/dead-letters/list`; empty for sluice itself. */
function slashed({ command }: Words): string {
  return command === "" ? "" : `/${command.replaceAll(" ", "/")}`;
}

function namesOf(words: Words | undefined): readonly string[] {
  if (!words) return [];
  const named: readonly Word[] = [...words.subcommands, ...words.options];
  return [...named.map(({ name }) => name), ...words.values];
}

/** Quotes text for all three shells. A quote in the text closes the quotes, is escaped, and opens them again. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
