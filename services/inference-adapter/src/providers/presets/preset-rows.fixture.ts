import type { DeclaredPreset } from "./declared-preset.fixture.ts";

/** What the tables of docs/reference/providers.md state, in their order. */
export const capabilities = [
  "address",
  "key",
  "whole answers",
  "streams",
  "usage of a stream",
  "name of the output limit",
  "tools",
  "parallel tool calls",
  "images",
  "JSON schema",
  "reasoning shown",
  "reasoning in a history",
  "prompt cache classes in usage",
  "embeddings and their encoding",
  "additional members of requests",
  "additional members of answers",
  "form of errors",
  "quota",
  "rate limits",
] as const;
export type Capability = (typeof capabilities)[number];

/** Fails if the adapter does not do for the provider what the row states. */
export type Check = (preset: DeclaredPreset) => Promise<void>;

export interface PresetRows {
  /** The text of each row. */
  readonly says: Readonly<Record<Capability, string>>;
  readonly checks: Readonly<Record<Capability, Check>>;
}
