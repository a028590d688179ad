import { posix } from "node:path";
import { expect, test } from "vitest";
import { type Import, imports, targetOf } from "./imports.ts";
import { generated, read, sources } from "./tree.ts";

/** How many files of one folder a reader can still survey; the scripts of Redis are seventeen. */
const folderFilesMax = 17;

test("no source imports itself through others, not even by type imports or import()", () => {
  const graph = new Map<string, Set<string>>(sources.map((file) => [file, new Set()]));
  for (const each of imports) {
    const target = targetOf(each);
    if (target !== undefined) graph.get(each.file)?.add(target);
  }
  const edges = [...graph.values()].reduce((sum, targets) => sum + targets.size, 0);
  expect(edges).toBeGreaterThan(1_000);
  expect(circlesIn(graph)).toEqual([]);
});

test(`no folder holds more than ${folderFilesMax} sources, not counting tests, contracts, fixtures and generated ones`, () => {
  const counts = new Map<string, number>();
  for (const file of sources.filter(isCounted)) {
    const folder = posix.dirname(file);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  expect(counts.size).toBeGreaterThan(50);
  expect([...counts].filter(([, count]) => count > folderFilesMax)).toEqual([]);
});

test("only a folder http/ imports an HTTP error, so that refusals are values everywhere else", () => {
  const edge = "services/ingress/src/http/";
  const offending = imports.filter(
    (each) =>
      !each.file.includes("/http/") &&
      (targetOf(each) === `${edge}api-error.ts` || importsHttpException(each)),
  );
  expect(sources.filter((file) => file.startsWith(edge)).length).toBeGreaterThan(5);
  expect(new Set(offending.map(({ file }) => file))).toEqual(new Set());
});

/** Every exception of Nest has an HTTP status. */
function importsHttpException({ file, specifier }: Import): boolean {
  return specifier === "@nestjs/common" && /\b[A-Z]\w*Exception\b/.test(read(file));
}

function isCounted(file: string): boolean {
  return !/\.(?:test|contract|fixture)\.ts$/.test(file) && !generated.includes(file);
}

/**
 * Returns each group of files that all reach one another, sorted. A file that imports itself is one, too. The
 * search is Tarjan's for strongly connected components, in O(files + imports).
 */
function circlesIn(
  graph: ReadonlyMap<string, ReadonlySet<string>>,
): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): number => {
    const own = order.size;
    order.set(file, own);
    open.push(file);
    let low = own;
    for (const target of graph.get(file) ?? []) {
      if (!order.has(target)) low = Math.min(low, visit(target));
      else if (open.includes(target)) low = Math.min(low, order.get(target) ?? low);
    }
    if (low === own) {
      const group = open.splice(open.indexOf(file));
      if (group.length > 1 || graph.get(file)?.has(file)) circles.push(group.toSorted());
    }
    return low;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles;
}
