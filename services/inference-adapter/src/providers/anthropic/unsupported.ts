/** Why Anthropic's API cannot answer a request. The client reads it if no other model can answer. */
export interface Unsupported {
  readonly unsupported: string;
}

export function unsupported(parameter: string, reason: string): Unsupported {
  return { unsupported: `'${parameter}' is not supported by Anthropic's API: ${reason}.` };
}

export function isUnsupported(value: object): value is Unsupported {
  return "unsupported" in value;
}
