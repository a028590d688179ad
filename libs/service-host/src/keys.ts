import { readFileSync } from "node:fs";
import { z } from "zod";

/** Returns a key whose value is a port number. */
export function portKey(preset: number, description: string): z.ZodDefault<z.ZodCoercedNumber> {
  return z.coerce.number().int().min(0).max(65_535).default(preset).describe(description);
}

/** Returns a key whose value is a whole number in a range. */
export function countKey(
  preset: number,
  range: { readonly min: number; readonly max: number },
  description: string,
): z.ZodDefault<z.ZodCoercedNumber> {
  const { min, max } = range;
  return z.coerce.number().int().min(min).max(max).default(preset).describe(description);
}

/**
 * Marks a key whose value must never be shown. `parseConfig` also reads it from the file that
 * `<key>_FILE` names, because containers receive secrets as files.
 */
export function secret<S extends z.ZodType>(key: S, description: string): S {
  return key.meta({ description, secret: true });
}

export function isSecret(key: z.ZodType): boolean {
  return key.meta()?.["secret"] === true;
}

type PemLabel = "CERTIFICATE" | "PRIVATE KEY";
type PemKey = z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;

/** Returns a key whose value is the path of a PEM file. The configuration holds the text of the file. */
export function pemKey(label: PemLabel, description: string): PemKey {
  return z
    .string()
    .transform((path, context) => {
      const { text, problem } = pemIn(path, label);
      if (problem !== undefined) context.addIssue(problem);
      return text;
    })
    .optional()
    .describe(description);
}

function pemIn(path: string, label: PemLabel): { text: string; problem?: string } {
  const { text, problem } = textOf(path);
  if (problem !== undefined) return { text, problem };
  if (text.includes("-----BEGIN ENCRYPTED"))
    return { text: "", problem: `${path} is encrypted: provide it without a passphrase` };
  const begins = new RegExp(`-----BEGIN (?:[A-Z]+ )?${label}-----`);
  return begins.test(text)
    ? { text }
    : { text: "", problem: `${path} does not contain a PEM ${label}` };
}

/** Returns the text of a small file, or the reason why it cannot be read. */
export function textOf(path: string): { text: string; problem?: string } {
  try {
    return { text: readFileSync(path, "utf8") };
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return { text: "", problem: `${path} cannot be read (${reason})` };
  }
}
