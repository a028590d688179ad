import { z } from "zod";

/** The id of a tenant, key, provider or budget. */
export const declaredId = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._]{0,63}$/,
    "expected lower-case letters, digits, dots and underscores, at most 64",
  );

/** The name of a model, team, feature or user. */
export const declaredName = z
  .string()
  .regex(/^[\w.:/-]{1,128}$/, "expected letters, digits and . : / _ -, at most 128 characters");

/** One value, or a list of which any may be met. */
export const anyOf = <S extends z.ZodType<string>>(value: S) =>
  z.union([value.transform((one) => [one]), z.array(value).min(1).max(1_000)]).optional();
