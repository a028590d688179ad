import { join } from "node:path";
import ts from "typescript";
import { packages, read, root, shipped } from "./tree.ts";

/** The simulator returns the error codes of a provider, which its README lists. */
const simulator = "tools/provider-simulator/";
const searched = shipped.filter((file) => !file.startsWith(simulator));

/** Functions and classes that take a code as the first argument, or as the second after an HTTP status. */
const codeTakers = /^(?:[A-Z]\w*Fault|ApiError|deadLetter|decline|failed|badRequest|unavailable)$/;
const codePattern = /^(?:[A-Z]+(?:_[A-Z]+)+|[a-z]+(?:_[a-z]+)*)$/;

/**
 * Returns every code that an operator or a client can see: the members of all types named `…Code`, and
 * the literals that are passed as a code without such a type.
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

/** Returns the literal in `code: "…"`, `new PermanentFault("…"`, `deadLetter("…"` or `new ApiError(404, "…"`. */
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

/** Resolves only our own files. Types of dependencies contain none of our codes, and reading them takes seconds. */
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

/** Returns the names of all metrics: in a file that creates metrics, only their names contain underscores. */
export function metricsInSources(): ReadonlySet<string> {
  const makers = shipped.filter((file) => read(file).includes('from "prom-client"'));
  return new Set(makers.flatMap((file) => matchesOf(file, /"([a-z]+(?:_[a-z]+)+)"/g)));
}

/** Returns every environment variable whose whole name is in a source. */
export function variablesInSources(): ReadonlySet<string> {
  return new Set(shipped.flatMap((file) => matchesOf(file, /\b(SLUICE_[A-Z_]*[A-Z])\b/g)));
}

function matchesOf(file: string, pattern: RegExp): readonly string[] {
  return [...read(file).matchAll(pattern)].map(([, match = ""]) => match);
}
