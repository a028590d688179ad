import { digestOf } from "../seeded.ts";

/**
 * Returns the signature of a thought. Its first half is a digest of the whole thought, and its second half binds the
 * text that the client received, which is empty if the client wanted the thought omitted.
 */
export function signatureOf(thought: string, shown: string): string {
  const sealed = digestOf("thought", thought);
  return `${sealed}${bindingOf(sealed, shown)}`;
}

/** Returns whether the simulator made a signature for the text of a thought, in this process or an earlier one. */
export function isSignatureOf(signature: string, shown: string): boolean {
  const sealed = signature.slice(0, signature.length / 2);
  return signature === `${sealed}${bindingOf(sealed, shown)}`;
}

function bindingOf(sealed: string, shown: string): string {
  return digestOf("signature of the provider simulator", sealed, shown);
}
