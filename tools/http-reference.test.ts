import { expect, test } from "vitest";
import { read, shipped } from "./tree.ts";

/** Compares docs/reference/http.md with the paths, headers and status codes in ingress's sources. */
const page = read("docs/reference/http.md");
const ingress = shipped.filter((file) => file.startsWith("services/ingress/src/"));
const edge = ingress.map(read).join("\n");

test("the page lists every path that ingress serves, and no other", () => {
  const served = ingress.flatMap((file) => pathsIn(read(file)));
  expect(served.length).toBeGreaterThan(3);
  expect(rowsOf("Paths").toSorted()).toEqual(served.toSorted());
});

test("the page lists every header that ingress reads", () => {
  const headersRead = [...edge.matchAll(/read\(\s*"([a-z-]+)"/g)].map(([, header = ""]) => header);
  expect(headersRead.length).toBeGreaterThan(8);
  const elsewhere = [
    ...["authorization", "content-type", "content-encoding"],
    ...["traceparent", "tracestate"],
  ];
  expect(rowsOf("Request headers").toSorted()).toEqual([...headersRead, ...elsewhere].toSorted());
});

test("the page lists every response header of ingress that a program can act on", () => {
  const named =
    /"(x-sluice-[a-z-]+|x-ratelimit-[a-z-]+|x-request-id|retry-after|retry-after-ms|x-should-retry|accept-encoding|www-authenticate)":|\{ (allow) \}/g;
  const names = new Set([...edge.matchAll(named)].map(([, quoted, bare]) => quoted ?? bare ?? ""));
  expect(names.size).toBeGreaterThan(8);
  expect(rowsOf("Response headers").toSorted()).toEqual([...names].toSorted());
});

test("each code has the same status in the page as in ingress, and a heading in the error reference", () => {
  const shown = new Map(
    [...section("Errors").matchAll(/^\| (\d{3}) +\|(.*)$/gm)].flatMap(
      ([, status = "", rest = ""]) =>
        [...rest.matchAll(/\[`(\w+)`\]\(errors\.md#\1\)/g)].map(([, code = ""]) => [code, status]),
    ),
  );
  const headings = read("docs/reference/errors.md");
  // A code that nothing returns yet has no heading. tools/tidy.test.ts checks the others.
  const inSources = statusesInSources().filter(([code]) => headings.includes(`### ${code}\n`));
  expect(inSources.length).toBeGreaterThan(20);
  expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(inSources));
});

/** Returns the paths in Nest's decorators, such as `@Controller("v1/chat")` with `@Post("completions")`. */
function pathsIn(source: string): readonly string[] {
  const [, base] = /@Controller\("([^"]*)"\)/.exec(source) ?? [];
  if (base === undefined) return [];
  const methods = source.matchAll(/^ {2}@(Get|Post|Put|Delete|Patch)\((?:"([^"]*)")?\)/gm);
  return [...methods].map(
    ([, method = "", path]) =>
      `${method.toUpperCase()} /${base}${path === undefined ? "" : `/${path}`}`,
  );
}

/** Returns the codes and statuses of the one table in ingress. */
function statusesInSources(): readonly (readonly [code: string, status: string])[] {
  const [, table = ""] = /statusOfCode\b[^{]*\{([^}]*)\}/.exec(edge) ?? [];
  const rows = [...table.matchAll(/(\w+): (\d{3})/g)];
  return rows.map(([, code = "", status = ""]) => [code, status]);
}

/** Returns the code spans in the first cells of a section's tables. */
function rowsOf(title: string): readonly string[] {
  const cells = [...section(title).matchAll(/^\| (`[^|]*`) +\|/gm)].map(([, cell = ""]) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
}

function section(title: string): string {
  const [, rest = ""] = page.split(`## ${title}\n`);
  return rest.split("\n## ")[0] ?? "";
}
