import { isAlias, isMap, isPair, isScalar, isSeq, type Node } from "yaml";

/** 1 MiB: more than 10,000 API keys. The parser needs up to 5 s for a text of this length that is not valid. */
export const yamlBytesMax = 1_048_576;
/** Values after every alias was replaced by a copy of its anchor. */
const valuesMax = 200_000;
const depthMax = 32;

/** An error at a position of the text. */
export interface YamlProblem {
  readonly offset: number | undefined;
  readonly message: string;
}

/**
 * Finds what would make the values of a document unbounded or ambiguous: aliases that multiply, aliases without a
 * complete anchor, deep nesting, keys that are not plain text, and repeated keys. It takes one step for each node of
 * the text, however often an alias repeats it.
 */
export function yamlProblemsIn(contents: unknown): readonly YamlProblem[] {
  const walk = new Walk();
  const count = walk.countOf(contents, 0);
  if (walk.problems.length === 0 && count > valuesMax)
    walk.report(
      contents,
      `the file has ${count} values after its aliases are replaced, and at most ${valuesMax} are read: remove aliases`,
    );
  return walk.problems;
}

class Walk {
  readonly problems: YamlProblem[] = [];
  /** The count of values of each complete anchor. An anchor is added only after its last value. */
  readonly #anchors = new Map<string, number>();

  report(node: unknown, message: string): void {
    this.problems.push({ offset: offsetOf(node), message });
  }

  countOf(node: unknown, depth: number): number {
    if (isAlias(node)) return this.#countOfAlias(node.source, node);
    const count = 1 + this.#countWithin(node, depth);
    const anchor = anchorOf(node);
    if (anchor !== undefined) this.#anchors.set(anchor, count);
    return count;
  }

  #countOfAlias(source: string, node: unknown): number {
    const count = this.#anchors.get(source);
    if (count === undefined)
      this.report(
        node,
        `the alias *${source} has no complete anchor before it: write &${source} before it, and not around it`,
      );
    return count ?? 1;
  }

  #countWithin(node: unknown, depth: number): number {
    if (!isMap(node) && !isSeq(node)) return 0;
    if (depth === depthMax) {
      this.report(node, `lists and maps are nested deeper than ${depthMax} levels: remove some`);
      return 0;
    }
    if (isMap(node)) this.#checkKeys(node.items);
    return node.items.reduce<number>(
      (sum, item) => sum + this.countOf(isPair(item) ? item.value : item, depth + 1),
      0,
    );
  }

  /** The parser's own check compares every key with every other one, which takes minutes for 100,000 keys. */
  #checkKeys(pairs: readonly { readonly key: unknown }[]): void {
    const seen = new Set<string>();
    for (const { key } of pairs) {
      if (!isScalar(key) || anchorOf(key) !== undefined) {
        this.report(key, "a key is not plain text: write its name");
        continue;
      }
      const name = String(key.value);
      if (seen.has(name)) this.report(key, `the key ${name} is repeated: remove one of them`);
      seen.add(name);
    }
  }
}

function anchorOf(node: unknown): string | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
}

function offsetOf(node: unknown): number | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every node that the parser made has a range
  return (node as Partial<Node> | null)?.range?.[0];
}
