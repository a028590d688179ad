import type { Declarations } from "./declarations.ts";

/**
 * Returns a function that gives what `derive` makes of the declarations. It derives again only after the version has
 * changed, so that a request costs a comparison. If `derive` throws, the next call derives again.
 */
export function perVersion<D extends Pick<Declarations, "version">, T>(
  declarations: D,
  derive: (declarations: D) => T,
): () => T {
  let derived: { readonly version: bigint; readonly value: T } | undefined;
  return () => {
    const version = declarations.version();
    if (derived?.version !== version) derived = { version, value: derive(declarations) };
    return derived.value;
  };
}
