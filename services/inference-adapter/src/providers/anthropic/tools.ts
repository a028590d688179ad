import type { Tool, ToolChoice } from "./messages-api.ts";
import { type Unsupported, unsupported } from "./unsupported.ts";

type Members = Readonly<Record<string, unknown>>;

export interface Tools {
  readonly tools: readonly Tool[];
  /** undefined if the model decides. */
  readonly choice: ToolChoice | undefined;
}

/** Returns the tools of a request and which of them must be called. */
export function toolsOf(parameters: Members): Tools | Unsupported {
  const given = Array.isArray(parameters["tools"]) ? parameters["tools"] : [];
  const tools = given.map(toolOf);
  // Without tools, a choice among them means nothing, and is refused.
  if (tools.length === 0) return { tools, choice: undefined };
  const oneAtATime = parameters["parallel_tool_calls"] === false;
  const chosen = choiceOf(parameters["tool_choice"]);
  if (chosen === "unknown") return unsupported("tool_choice", "it has no choice of this type");
  const choice = chosen ?? (oneAtATime ? { type: "auto" as const } : undefined);
  return {
    tools,
    choice:
      choice && oneAtATime && choice.type !== "none"
        ? { ...choice, disable_parallel_tool_use: true }
        : choice,
  };
}

function toolOf(tool: unknown): Tool {
  const { name, description, parameters, strict } = membersOf(membersOf(tool)["function"]);
  return {
    name: String(name),
    ...(typeof description === "string" && { description }),
    input_schema: { ...membersOf(parameters), type: "object" },
    ...(strict === true && { strict }),
  };
}

function choiceOf(choice: unknown): ToolChoice | undefined | "unknown" {
  if (choice === null || choice === undefined) return undefined;
  if (choice === "auto") return { type: "auto" };
  if (choice === "none") return { type: "none" };
  if (choice === "required") return { type: "any" };
  const { type, function: called } = membersOf(choice);
  const { name } = membersOf(called);
  return type === "function" && typeof name === "string" ? { type: "tool", name } : "unknown";
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
