import { controlTopics } from "@sluice/contracts";
import { canonicalJson, type EpochMillis } from "@sluice/domain";
import { outgoing, type Publishable, tombstone } from "@sluice/stage";
import { type Change, changesBetween, nameOf } from "./changes.ts";
import { type Applied, type ControlState, markOf, versionId } from "./control-state.ts";
import type { Entry } from "./entries.ts";

/** What an apply of a file changes, and the messages that do it. */
export interface Plan {
  readonly changes: readonly Change[];
  /** The version after the apply; that of the state if nothing changes. */
  readonly version: bigint;
  /** Sent together. Empty if nothing changes and the state is complete. */
  readonly messages: readonly Publishable[];
}

/**
 * Plans the apply of a file. Entries that commands have made stay, unless the file has them too. If an earlier apply was
 * interrupted, the plan also completes the version. Pure.
 */
export function planApply(state: ControlState, wanted: readonly Entry[], now: EpochMillis): Plan {
  const names = new Set(wanted.map(nameOf));
  const replaceable = state.entries.filter(
    (entry) => entry.origin === "file" || names.has(nameOf(entry)),
  );
  const changes = changesBetween(replaceable, wanted);
  if (changes.length === 0 && state.isComplete)
    return { changes, version: state.version, messages: [] };
  // An apply that was interrupted has used numbers above the version that was completed.
  const last = state.entries.reduce(
    (most, { version }) => (version > most ? version : most),
    state.version,
  );
  const version = last + 1n;
  const messages = changes.map((change): Publishable => {
    const { kind, id } = change.entry;
    if (change.kind === "removed") return tombstone(controlTopics[kind], id);
    const declared = canonicalJson(change.entry.declared);
    return outgoing(controlTopics[kind], { id, version, appliedAt: now, declared, origin: "file" });
  });
  const mark = canonicalJson(markOf(entriesAfter(state, changes, version), version));
  const marked = {
    id: versionId,
    version,
    appliedAt: now,
    declared: mark,
    origin: "file",
  } as const;
  return { changes, version, messages: [...messages, outgoing(controlTopics.policies, marked)] };
}

function entriesAfter(
  { entries }: ControlState,
  changes: readonly Change[],
  version: bigint,
): readonly Pick<Applied, "kind" | "version">[] {
  const touched = new Set(changes.map(({ entry }) => nameOf(entry)));
  return [
    ...entries.filter((entry) => !touched.has(nameOf(entry))),
    ...changes.flatMap(({ kind, entry }) =>
      kind === "removed" ? [] : [{ kind: entry.kind, version }],
    ),
  ];
}
