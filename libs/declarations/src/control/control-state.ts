import { isDeepStrictEqual } from "node:util";
import type { Declaration } from "@sluice/contracts";
import { nameOf } from "./changes.ts";
import { type Entry, type Kind, kinds } from "./entries.ts";

/** The id of the record on `control.policies` that completes a version. No section of a file has a `$` in its name. */
export const versionId = "$version";

/** How many entries of each kind a version has, and how many of them it changed. */
export interface VersionMark {
  readonly entries: Readonly<Record<Kind, number>>;
  readonly changed: number;
}

/** An entry as it is on its topic. */
export interface Applied extends Entry {
  readonly version: bigint;
  readonly origin: Declaration["origin"];
}

/** The latest entries of the control topics. */
export class ControlState {
  readonly #entries = new Map<string, Applied>();
  #version = 0n;
  #mark: VersionMark | undefined;

  /** @throws SyntaxError if the entry is not JSON; the state is unchanged then */
  take(kind: Kind, key: string, declaration: Declaration | null): void {
    const name = nameOf({ kind, id: key });
    if (declaration === null) {
      this.#entries.delete(name);
      return;
    }
    const { version, origin } = declaration;
    const declared: unknown = JSON.parse(declaration.declared);
    if (kind === "policies" && key === versionId) {
      this.#version = version;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `markOf` makes this record
      this.#mark = declared as VersionMark;
    } else this.#entries.set(name, { kind, id: key, declared, version, origin });
  }

  /** The version that was completed last; 0 before the first apply. */
  get version(): bigint {
    return this.#version;
  }

  get entries(): readonly Applied[] {
    return [...this.#entries.values()];
  }

  /**
   * Whether the entries are exactly those of the completed version. The topics are read independently of each other, so
   * entries of a version arrive before or after the record that completes it. An apply that was interrupted leaves entries
   * of a version that is never completed, until the apply is repeated.
   */
  get isComplete(): boolean {
    const { entries } = this;
    if (this.#mark === undefined || entries.some(({ version }) => version > this.#version))
      return false;
    return isDeepStrictEqual(markOf(entries, this.#version), this.#mark);
  }
}

/** Returns the mark of a version with these entries. */
export function markOf(
  entries: readonly Pick<Applied, "kind" | "version">[],
  version: bigint,
): VersionMark {
  const count = (kind: Kind): number => entries.filter((entry) => entry.kind === kind).length;
  const counts = kinds.map((kind) => [kind, count(kind)] as const);
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every kind is counted
    entries: Object.fromEntries(counts) as Record<Kind, number>,
    changed: entries.filter((entry) => entry.version === version).length,
  };
}
