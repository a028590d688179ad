export interface WebAddressOptions {
  /** Whether an operator has declared that this address may be asked without encryption. */
  readonly allowPlainHttp: boolean;
  /** Names the setting with which an operator declares it. */
  readonly allowedBy: string;
}

/**
 * Returns what is wrong with the base address of an HTTP API, or undefined. The text never contains the address,
 * because an address that is wrong may contain a password.
 */
export function webAddressProblem(
  address: string,
  { allowPlainHttp, allowedBy }: WebAddressOptions,
): string | undefined {
  const url = /^https?:\/\//i.test(address) ? URL.parse(address) : null;
  if (!url) return "is not an http:// or https:// address: correct it";
  if (url.username !== "" || url.password !== "" || /^\w+:\/\/[^/?#]*@/.test(address))
    return "contains a user or a password: remove them, and give credentials by their own settings";
  if (/[?#]/.test(address))
    return "contains a query or a fragment, behind which no path can be added: remove it";
  if (url.protocol === "http:" && !allowPlainHttp && !isLoopback(url.hostname))
    return `is plain http:// to another machine, which would show keys and prompts to the network: use https://, or set ${allowedBy}`;
  return undefined;
}

/** Returns whether a host name or an address always means this machine. Other names depend on a name server. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || /^127(?:\.\d{1,3}){3}$/.test(name);
}
