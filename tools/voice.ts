import ts from "typescript";

/** A phrase that makes a sentence hard to follow, and the phrase to write in its place. */
export interface BannedPhrase {
  readonly pattern: RegExp;
  readonly write: string;
  /** Where the phrase is banned; everywhere if absent. Prompts in tests are texts, and functions do have callers. */
  readonly only?: "documents" | "documents and comments";
}

/** The table under "How to write text" in CONTRIBUTING.md, as patterns. Phrases may continue on the next line. */
export const bannedPhrases: readonly BannedPhrase[] = [
  {
    pattern: /\bnobody(?:'s)?\b/i,
    write: "the component or the person, or: no client, no service",
  },
  { pattern: /\bsomebody(?:'s)?\b/i, write: "the component or the person" },
  { pattern: /\bwho(?:m|se)?ever\b/i, write: "the component or the person" },
  { pattern: /\banew\b/i, write: "again, from the start" },
  { pattern: /\bfor\s+ever\b/i, write: "forever, indefinitely" },
  { pattern: /\b(?:tells|told|telling)\b/i, write: "reports, returns, shows, receives" },
  { pattern: /\btell\b/i, write: "report, return, show", only: "documents and comments" },
  { pattern: /\b(?:stands?|stood)\b(?!-)/i, write: "is, exists, is stored" },
  {
    pattern: /(?<!\bthere\s)\b(?:is|are|was|were)\s+no(?!\s+(?:longer|more|later|fewer|less)\b)\s/i,
    write: "is not a, are not",
  },
  { pattern: /\bso\s+long\b(?!\s+as\b)/i, write: "meanwhile, for this long" },
  { pattern: /\bneeds?\s+not\b/i, write: "does not have to" },
  { pattern: /\bdear(?:er|est)?\b/i, write: "expensive, more expensive" },
  { pattern: /\bthe\s+way\s+of\s+an?\b/i, write: "the path of, the lifecycle of" },
  {
    pattern: /\bthe\s+design(?:'s)?\b(?!\s+of\b)/i,
    write: "a link to a document of this repository",
  },
  { pattern: /\blets?\s+(?:us\s+|them\s+|it\s+)?in\b(?!-|\s+(?:a|an|the)\b)/i, write: "admits" },
  { pattern: /\b(?:keeps?|kept)\s+(?:us|them|it)\s+out\b/i, write: "denies access" },
  {
    pattern: /\b(?:is|are|was|were)\s+(?:away|gone)\b/i,
    write: "is unavailable, no longer exists",
  },
  { pattern: /\b(?:goes|went|gone)\s+on\b/i, write: "continues" },
  { pattern: /\b(?:comes?|came)\s+again\b/i, write: "is redelivered" },
  { pattern: /\bin\s+silence\b/i, write: "silently" },
  { pattern: /\bby\s+(?:itself|themselves)\b/i, write: "automatically, alone" },
  { pattern: /\bbeside\b/i, write: "next to, in addition to" },
  {
    pattern: /\bwhat\s+(?:comes|is\s+asked|was\s+asked)\b/i,
    write: "the noun: the request, the message",
  },
  {
    pattern: /\b(?:front|message)\s+desks?\b|\bwaiting\s+rooms?\b|\bkey\s+rings?\b/i,
    write: "the plain name of the class",
  },
  { pattern: /\baskers?\b/i, write: "the client" },
  { pattern: /\bcallers?\b/i, write: "the client", only: "documents" },
  { pattern: /(?<!\btest\s)\bvectors?\b/i, write: "embedding", only: "documents and comments" },
];

export interface BannedUse {
  /** From 1. */
  readonly line: number;
  readonly phrase: string;
  readonly write: string;
}

/** Returns every banned phrase of a Markdown document outside of code. */
export function bannedInDocument(markdown: string): readonly BannedUse[] {
  return usesIn(proseOf(markdown), bannedPhrases);
}

/** Returns every banned phrase in the comments and the texts of a TypeScript or JavaScript source. */
export function bannedInSource(source: string): readonly BannedUse[] {
  const { comments, texts } = wordsOf(source);
  const inComments = bannedPhrases.filter(({ only }) => only !== "documents");
  const inTexts = bannedPhrases.filter(({ only }) => only === undefined);
  const uses = [...usesIn(comments, inComments), ...usesIn(texts, inTexts)];
  return uses.toSorted((one, other) => one.line - other.line);
}

function usesIn(text: string, phrases: readonly BannedPhrase[]): readonly BannedUse[] {
  const uses = phrases.flatMap(({ pattern, write }) =>
    [...text.matchAll(new RegExp(pattern, "gi"))].map(({ 0: phrase, index }) => ({
      line: text.slice(0, index).split("\n").length,
      phrase: phrase.replaceAll(/\s+/g, " ").trim(),
      write,
    })),
  );
  return uses.toSorted((one, other) => one.line - other.line);
}

/** Blanks code, addresses of links and names of files; lines keep their numbers. */
function proseOf(markdown: string): string {
  return markdown
    .replaceAll(/^( *)```.*?^ *```$/gms, blank)
    .replaceAll(/`[^`\n]*`/g, blank)
    .replaceAll(/\]\([^)\s]*\)/g, blank);
}

/** Returns a source with everything but its comments blanked, and one with everything but its texts. */
function wordsOf(source: string): { readonly comments: string; readonly texts: string } {
  const file = ts.createSourceFile("source.ts", source, ts.ScriptTarget.Latest);
  let [comments, texts, at] = ["", "", 0];
  for (const token of tokensOf(file, file)) {
    const [start, end] = [token.getStart(file), token.getEnd()];
    const [between, text] = [source.slice(at, start), source.slice(start, end)];
    comments += between + blank(text);
    texts += blank(between) + (isText(token) && text.includes(" ") ? text : blank(text));
    at = end;
  }
  const markers = /^\s*(?:\/\*\*?|\*\/?|\/\/+)/gm;
  return { comments: comments.replaceAll(markers, spaces), texts };
}

/** Returns the leaves of the syntax tree. Comments are between them, and JSDoc counts as a comment. */
function tokensOf(node: ts.Node, file: ts.SourceFile): readonly ts.Node[] {
  const children = node.getChildren(file).filter((child) => !ts.isJSDoc(child));
  return children.length === 0 ? [node] : children.flatMap((child) => tokensOf(child, file));
}

function isText(node: ts.Node): boolean {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateHead(node) ||
    ts.isTemplateMiddleOrTemplateTail(node)
  );
}

/** Replaces code. It is not white space, so that a phrase does not continue behind it. */
const filler = "·";

function blank(text: string): string {
  return text.replaceAll(/\S/g, filler);
}

function spaces(text: string): string {
  return text.replaceAll(/\S/g, " ");
}
