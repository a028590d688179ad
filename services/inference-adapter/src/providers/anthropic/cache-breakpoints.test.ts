import { describe, expect, test } from "vitest";
import { type Prompt, withBreakpoints } from "./cache-breakpoints.ts";
import type { Turn } from "./messages-api.ts";

const long = "word ".repeat(1_000);
const cache = { minTokens: 1_024, duration: "5m" } as const;
const said = (role: Turn["role"], text = "Hm"): Turn => ({
  role,
  content: [{ type: "text", text }],
});
const tool = (description = "Looks.") => ({
  name: "look",
  description,
  input_schema: { type: "object" as const },
});

function prompt(changes: Partial<Prompt> = {}): Prompt {
  return { tools: [], system: [], messages: [said("user")], ...changes };
}

/** Returns where a prompt has marks: for example `system 0 5m`. */
function marksOf(given: Prompt, settings: Parameters<typeof withBreakpoints>[1] = cache) {
  const { tools, system, messages } = withBreakpoints(given, settings);
  const places: readonly (readonly [string, object])[] = [
    ...tools.map((each, at) => [`tool ${at}`, each] as const),
    ...system.map((each, at) => [`system ${at}`, each] as const),
    ...messages.flatMap(({ content }, turn) =>
      Object.values(content).map((block, at) => [`turn ${turn}.${at}`, Object(block)] as const),
    ),
  ];
  return places.flatMap(([name, value]) => {
    const { cache_control: mark } = value as { cache_control?: { ttl?: string } };
    return mark ? [`${name} ${mark.ttl ?? "5m"}`] : [];
  });
}

describe("a prompt is marked", () => {
  test("at the end of the system prompt, which follows the tools", () => {
    const system = [
      { type: "text" as const, text: long },
      { type: "text" as const, text: "Be brief." },
    ];
    expect(marksOf(prompt({ system, tools: [tool()] }))).toEqual(["system 1 5m"]);
  });

  test("at the last tool if it has no system prompt", () => {
    expect(marksOf(prompt({ tools: [tool(), tool(long)] }))).toEqual(["tool 1 5m"]);
  });

  test("at the end of the turns before the last one, which the next request repeats", () => {
    const messages = [said("user", long), said("assistant"), said("user")];
    expect(marksOf(prompt({ messages }))).toEqual(["turn 1.0 5m"]);
    const system = [{ type: "text" as const, text: long }];
    expect(marksOf(prompt({ system, messages }))).toEqual(["system 0 5m", "turn 1.0 5m"]);
  });

  test("for the earlier turns too if they are only long together with the system prompt", () => {
    const system = [{ type: "text" as const, text: "word ".repeat(400) }];
    const messages = [said("user", "word ".repeat(400)), said("assistant"), said("user")];
    expect(marksOf(prompt({ system, messages }))).toEqual(["turn 1.0 5m"]);
  });

  test("for an hour where conversations share it, and before what is kept for five minutes", () => {
    const system = [{ type: "text" as const, text: long }];
    const messages = [said("user"), said("assistant"), said("user")];
    const hour = { minTokens: 1_024, duration: "1h" } as const;
    expect(marksOf(prompt({ system, messages }), hour)).toEqual(["system 0 1h", "turn 1.0 5m"]);
  });

  test("at a block that can be marked, which thinking cannot", () => {
    const thinking = { type: "thinking" as const, thinking: "Hm", signature: "c2ln" };
    const messages: Turn[] = [
      said("user", long),
      { role: "assistant", content: [{ type: "text", text: "Yes" }, thinking] },
      said("user"),
    ];
    expect(marksOf(prompt({ messages }))).toEqual(["turn 1.0 5m"]);
    const onlyThinking: Turn[] = [
      said("user", long),
      { role: "assistant", content: [thinking] },
      said("user"),
    ];
    expect(marksOf(prompt({ messages: onlyThinking }))).toEqual(["turn 0.0 5m"]);
  });
});

describe("a prompt is not marked", () => {
  test("if it is shorter than the model caches", () => {
    const system = [{ type: "text" as const, text: "Be brief." }];
    const messages = [said("user"), said("assistant"), said("user")];
    expect(marksOf(prompt({ system, messages }))).toEqual([]);
    const image = {
      type: "base64" as const,
      media_type: "image/png" as const,
      data: "A".repeat(9_000),
    };
    const seen: Turn[] = [
      { role: "user", content: [{ type: "image", source: image }] },
      said("user"),
    ];
    expect(marksOf(prompt({ messages: seen }))).toEqual([]);
  });

  test("if only the last turn is long, because no later request repeats it alone", () => {
    expect(marksOf(prompt({ messages: [said("user", long)] }))).toEqual([]);
  });

  test("if the operator has switched it off", () => {
    expect(marksOf(prompt({ system: [{ type: "text", text: long }] }), null)).toEqual([]);
  });
});
