import type { SigningKey } from "@sluice/contracts";
import { SluiceError } from "./errors.ts";

/**
 * Returns the id and the secret of an API key.
 *
 * @param apiKey `sk-sluice-<key id>-<secret>`; the id contains no `-`, the secret may
 * @throws SluiceError `CLIENT_MISCONFIGURED`, whose message does not contain the key
 */
export function signingKeyOf(apiKey: string): SigningKey {
  const [, id, secret] = /^sk-sluice-([^-\s]+)-(\S+)$/.exec(apiKey) ?? [];
  if (id !== undefined && secret !== undefined) return { id, secret };
  throw new SluiceError("CLIENT_MISCONFIGURED", "The API key is malformed.", {
    remedy: "Pass the whole key, in the form sk-sluice-<key id>-<secret>.",
  });
}
