/** Why Anthropic's API cannot answer a request. The client reads it if no other model can answer. */
export interface Unsupported {
  readonly unsupported: string;
  readonly param: string;
}

export function unsupported(parameter: string, reason: string): Unsupported {
  const text = `'${parameter}' is not supported by Anthropic's API: ${reason}. Remove it, or name another model.`;
  return { unsupported: text, param: parameter };
}

export function isUnsupported(value: object): value is Unsupported {
  return "unsupported" in value;
}
