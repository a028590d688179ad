import type { InjectionToken, Type } from "@nestjs/common";
import { assert } from "@sluice/domain";
import type { ModuleRef } from "@nestjs/core";

/** What Nest's decorators leave on a class. */
interface DeclaredDependency {
  readonly index: number;
  readonly param: InjectionToken;
}

/** Nest loads reflect-metadata, which adds this to `Reflect`. */
interface Metadata {
  getMetadata(key: string, target: object): unknown;
}

/**
 * The stage, from the application's providers, or made here with what its
 * constructor asks for from anywhere in the application. A module of its own
 * sees no providers of the module that imports it, so Nest cannot make it.
 *
 * @throws Defect when a parameter's type is not known (`@Injectable()` is missing), and what Nest throws for a token nobody provides
 */
export function instanceOf<T>(modules: ModuleRef, type: Type<T>): T {
  const provided = providedOf(modules, type);
  if (provided !== undefined) return provided;
  const tokens = tokensOf(type);
  const known = tokens.length >= type.length && !tokens.includes(undefined);
  assert(known, "STAGE_DEFECT", `${type.name} needs @Injectable(), so that its parts are known.`);
  return new type(
    ...tokens.map((token): unknown =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Nest's own token type is wider than what `get` says it takes
      modules.get(token as Type<unknown>, { strict: false }),
    ),
  );
}

function providedOf<T>(modules: ModuleRef, type: Type<T>): T | undefined {
  try {
    return modules.get<T, T>(type, { strict: false });
  } catch {
    return undefined;
  }
}

function tokensOf(type: Type<unknown>): (InjectionToken | undefined)[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see Metadata
  const metadata = Reflect as unknown as Metadata;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by TypeScript and Nest
  const types = (metadata.getMetadata("design:paramtypes", type) ?? []) as InjectionToken[];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by Nest
  const declared = (metadata.getMetadata("self:paramtypes", type) ?? []) as DeclaredDependency[];
  const tokens: (InjectionToken | undefined)[] = Array.from(types);
  for (const { index, param } of declared) tokens[index] = param;
  return tokens;
}
