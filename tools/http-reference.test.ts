import { expect, test } from "vitest";
import { read, shipped } from "./tree.ts";

/** Compares the page about HTTP with what ingress declares in its sources. */
const page = read("docs/reference/http.md");
const ingress = shipped.filter((file) => file.startsWith("services/ingress/src/"));
const edge = ingress.map(read).join("\n");

test("the page has every path that ingress serves, and no other", () => {
  const served = ingress.flatMap((file) => pathsIn(read(file)));
  expect(served.length).toBeGreaterThan(3);
  expect(rowsOf("Paths").toSorted()).toEqual(served.toSorted());
});

test("the page has every header that ingress reads", () => {
  const taken = [...edge.matchAll(/read\(\s*"([a-z-]+)"/g)].map(([, header = ""]) => header);
  expect(taken.length).toBeGreaterThan(8);
  const elsewhere = ["authorization", "traceparent", "tracestate"];
  expect(rowsOf("Request headers").toSorted()).toEqual([...taken, ...elsewhere].toSorted());
});

test("the page has every header of our own that ingress answers with", () => {
  const told = [...edge.matchAll(/"(x-sluice-[a-z-]+|retry-after|x-should-retry)":/g)];
  const names = [...new Set(told.map(([, header = ""]) => header))];
  expect(names.length).toBeGreaterThan(5);
  expect(rowsOf("Response headers").toSorted()).toEqual(names.toSorted());
});

test("each code has the status in the page that it has in ingress, and its heading in the errors", () => {
  const shown = new Map(
    [...section("Errors").matchAll(/^\| (\d{3}) +\|(.*)$/gm)].flatMap(
      ([, status = "", rest = ""]) =>
        [...rest.matchAll(/\[`(\w+)`\]\(errors\.md#\1\)/g)].map(([, code = ""]) => [code, status]),
    ),
  );
  const headings = read("docs/reference/errors.md");
  // A status that no code is told with today (shed) has no heading; tools/tidy.test.ts sees to the rest.
  const told = statusesInSources().filter(([code]) => headings.includes(`### ${code}\n`));
  expect(told.length).toBeGreaterThan(20);
  expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(told));
});

/** Nest's decorators: `@Controller("v1/chat")` with `@Post("completions")`. */
function pathsIn(source: string): readonly string[] {
  const [, base] = /@Controller\("([^"]*)"\)/.exec(source) ?? [];
  if (base === undefined) return [];
  const methods = source.matchAll(/^ {2}@(Get|Post|Put|Delete|Patch)\((?:"([^"]*)")?\)/gm);
  return [...methods].map(
    ([, method = "", path]) =>
      `${method.toUpperCase()} /${base}${path === undefined ? "" : `/${path}`}`,
  );
}

/** The rows of ingress's one table of statuses. */
function statusesInSources(): readonly (readonly [code: string, status: string])[] {
  const [, table = ""] = /statusOfCode\b[^{]*\{([^}]*)\}/.exec(edge) ?? [];
  const rows = [...table.matchAll(/(\w+): (\d{3})/g)];
  return rows.map(([, code = "", status = ""]) => [code, status]);
}

/** What stands in backticks in the first cells of a section's first table. */
function rowsOf(title: string): readonly string[] {
  const cells = [...section(title).matchAll(/^\| (`[^|]*`) +\|/gm)].map(([, cell = ""]) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
}

function section(title: string): string {
  const [, rest = ""] = page.split(`## ${title}\n`);
  return rest.split("\n## ")[0] ?? "";
}
