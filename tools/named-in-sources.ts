import { join } from "node:path";
import ts from "typescript";
import { packages, read, root, shipped } from "./tree.ts";

/** Its refusals are those of the provider that it plays; its README lists them. */
const simulator = "tools/provider-simulator/";
const searched = shipped.filter((file) => !file.startsWith(simulator));

/** What makes a fault, an answer or an effect from a code, given first or after an HTTP status. */
const codeTakers = /^(?:[A-Z]\w*Fault|ApiError|deadLetter|decline|failed|badRequest|unavailable)$/;
const codePattern = /^(?:[A-Z]+(?:_[A-Z]+)+|[a-z]+(?:_[a-z]+)*)$/;

/**
 * Every code that an operator or a caller can read: the members of all types
 * named `…Code`, and what is given as a code without such a type.
 */
export function codesInSources(): ReadonlySet<string> {
  const program = ts.createProgram({
    rootNames: searched.map((file) => join(root, file)),
    options: { noEmit: true, lib: ["lib.es5.d.ts"], types: [], skipLibCheck: true, strict: true },
    host: hostWithoutDependencies(),
  });
  const checker = program.getTypeChecker();
  const codes = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isTypeAliasDeclaration(node) && node.name.text.endsWith("Code"))
      for (const code of membersOf(node, checker)) codes.add(code);
    for (const code of codesPassedIn(node)) codes.add(code);
    ts.forEachChild(node, visit);
  };
  for (const file of program.getSourceFiles()) visit(file);
  return codes;
}

function membersOf(node: ts.TypeAliasDeclaration, checker: ts.TypeChecker): readonly string[] {
  const type = checker.getTypeAtLocation(node.name);
  const members = type.isUnion() ? type.types : [type];
  return members.flatMap((member) => (member.isStringLiteral() ? [member.value] : []));
}

/** `code: "…"` in an object, `new PermanentFault("…"`, `deadLetter("…"`, `new ApiError(404, "…"`. */
function codesPassedIn(node: ts.Node): readonly string[] {
  if (ts.isPropertyAssignment(node) && node.name.getText() === "code")
    return literalsIn([node.initializer]);
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return [];
  if (!codeTakers.test(node.expression.getText())) return [];
  return literalsIn((node.arguments ?? []).slice(0, 2)).slice(0, 1);
}

function literalsIn(expressions: readonly ts.Expression[]): readonly string[] {
  return expressions.flatMap((each) =>
    ts.isStringLiteral(each) && codePattern.test(each.text) ? [each.text] : [],
  );
}

/** Our own files alone: types of dependencies say nothing of our codes, and reading them takes seconds. */
function hostWithoutDependencies(): ts.CompilerHost {
  const host = ts.createCompilerHost({});
  return {
    ...host,
    resolveModuleNameLiterals: (literals, containing) =>
      literals.map(({ text }) => {
        const resolvedFileName = text.startsWith(".")
          ? join(containing, "..", text)
          : indexOf(text);
        if (resolvedFileName === undefined) return { resolvedModule: undefined };
        return { resolvedModule: { resolvedFileName, extension: ts.Extension.Ts } };
      }),
  };
}

function indexOf(specifier: string): string | undefined {
  const found = packages.find(({ manifest }) => manifest.name === specifier);
  return found && join(root, found.folder, "src/index.ts");
}

/** In a file that makes metrics, only their names have underscores. */
export function metricsInSources(): ReadonlySet<string> {
  const makers = shipped.filter((file) => read(file).includes('from "prom-client"'));
  return new Set(makers.flatMap((file) => matchesOf(file, /"([a-z]+(?:_[a-z]+)+)"/g)));
}

/** Every variable of the environment that a source names whole. */
export function variablesInSources(): ReadonlySet<string> {
  return new Set(shipped.flatMap((file) => matchesOf(file, /\b(SLUICE_[A-Z_]*[A-Z])\b/g)));
}

function matchesOf(file: string, pattern: RegExp): readonly string[] {
  return [...read(file).matchAll(pattern)].map(([, match = ""]) => match);
}
