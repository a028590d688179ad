import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countTokens, tokenCharactersMax, tokensOf } from "./tokens.ts";

describe("the tokens of an answer", () => {
  it("are words, single characters and runs of spaces", () => {
    expect(tokensOf("Hello, big world!")).toEqual(["Hello", ",", " big", " world", "!"]);
    expect(tokensOf("internationally")).toEqual(["internatio", "nally"]);
    expect(tokensOf("a  b\n\nc")).toEqual(["a", "  ", "b", "\n\n", "c"]);
    expect(tokensOf("日本 🙂")).toEqual(["日", "本", " 🙂"]);
  });

  it("include the label as one token", () => {
    expect(countTokens("[simulated]")).toBe(1);
  });

  it("give the original text when joined, for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const tokens = tokensOf(text);
        expect(tokens.join("")).toBe(text);
        expect(tokens.filter(({ length }) => length > tokenCharactersMax)).toEqual([]);
      }),
    );
  });

  it("stay the same if the text is cut between two of them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(50), (text, kept) => {
        const tokens = tokensOf(text).slice(0, kept);
        expect(tokensOf(tokens.join(""))).toEqual(tokens);
      }),
    );
  });
});
