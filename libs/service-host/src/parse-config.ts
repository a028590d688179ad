import type { z } from "zod";
import { type Inconsistency, inconsistenciesOf, keyPairProblem } from "./connection-rules.ts";
import { isSecret, textOf } from "./keys.ts";

/** Reports everything that is wrong with the environment of a program. */
export class ConfigurationError extends Error {}

type Environment = Readonly<Record<string, string>>;

/**
 * Returns the configuration that the environment contains. Empty values count as absent, and a
 * secret is also read from the file that `<key>_FILE` names.
 *
 * @throws ConfigurationError that names every key which is missing or wrong, with its purpose and
 *   never with the value of a secret
 */
export function parseConfig<S extends z.ZodObject>(
  schema: S,
  environment: NodeJS.ProcessEnv,
): z.output<S> {
  const { values, problems } = withSecretFiles(schema, presentIn(environment));
  const result = schema.safeParse(values);
  const issues = result.error?.issues ?? [];
  const wrong: readonly Inconsistency[] = [
    ...problems,
    ...issues.map(({ path, message }) => ({ key: path.join("."), message })),
    ...inconsistenciesOf(values).filter(({ key }) => key in schema.shape),
    ...(result.success ? keyPairProblem(result.data) : []),
  ];
  if (result.success && wrong.length === 0) return result.data;
  const lines = wrong.map(({ key, message }) => {
    const purpose = schema.shape[key]?.meta()?.description;
    return `  ${key}: ${message}${purpose ? ` — ${purpose}` : ""}`;
  });
  throw new ConfigurationError(
    `The configuration in the environment is not valid:\n${lines.join("\n")}`,
  );
}

function presentIn(environment: NodeJS.ProcessEnv): Environment {
  const present = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "",
  );
  return Object.fromEntries(present);
}

function withSecretFiles(
  { shape }: z.ZodObject,
  environment: Environment,
): { readonly values: Environment; readonly problems: readonly Inconsistency[] } {
  const values: Record<string, string> = { ...environment };
  const problems: Inconsistency[] = [];
  for (const key of Object.keys(shape)) {
    const path = environment[`${key}_FILE`];
    if (path === undefined || !isSecret(shape[key])) continue;
    const { text, problem } = textOf(path);
    if (key in environment)
      problems.push({ key, message: `is set together with ${key}_FILE: set only one of them` });
    else if (problem !== undefined) problems.push({ key, message: problem });
    // An editor adds the last line end; it is not part of the secret.
    else values[key] = text.replace(/\r?\n$/, "");
  }
  return { values, problems };
}
