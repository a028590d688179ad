import {
  type Attribution,
  attributionSignatureOf,
  type InferenceRequested,
  type Origin,
} from "@sluice/contracts";
import { type ApiKey, isAllowedName } from "@sluice/declarations";
import { type Refusal, refused } from "../request/refusal.ts";

/** A request, as far as it says who pays for it. */
export type Named = Pick<InferenceRequested, "requestId" | "user" | "feature">;

const nameable = ["user", "feature"] as const;
type Nameable = (typeof nameable)[number];

const headerOf: Readonly<Record<Nameable, string>> = {
  user: "x-sluice-user",
  feature: "x-sluice-feature",
};

/**
 * Returns who pays for a request, with the signature by which the cost accountant recognises it. The names come from the
 * declaration of the key, and the user and the feature from the request if the key allows it to name them. A name that
 * the key does not allow is never signed. The same request always has the same signature, so a repeat has the same record.
 */
export function attributionOf(key: ApiKey, request: Named, secret: string): Attribution {
  const payer = {
    tenant: key.tenant,
    team: key.team,
    feature: payingNameOf(key, request, "feature"),
    user: payingNameOf(key, request, "user"),
    key: key.id,
  };
  return { ...payer, signature: attributionSignatureOf(payer, request.requestId, secret) };
}

/** Returns why the request may not name its user or feature; undefined if it may. Pure. */
export function namingRefusalOf(key: ApiKey, request: Named, origin: Origin): Refusal | undefined {
  const wrong = nameable.find((member) => !isAllowed(key, request, member));
  if (wrong === undefined) return undefined;
  const [what, param] =
    origin === "http" ? (["Header", headerOf[wrong]] as const) : (["Field", wrong] as const);
  const remedy =
    key.mayName[wrong].length === 0
      ? `the key '${key.id}' lets no request name its ${wrong}; leave the ${what.toLowerCase()} out, or have 'mayName.${wrong}' of the key declared`
      : `the key '${key.id}' does not allow this name; use one that 'mayName.${wrong}' of the key allows, or have the name added`;
  return refused("name_not_allowed", `${what} '${param}' names a ${wrong}, but ${remedy}.`, param);
}

function payingNameOf(key: ApiKey, request: Named, member: Nameable): string {
  const named = request[member];
  return named !== null && isAllowed(key, request, member) ? named : key[member];
}

function isAllowed(key: ApiKey, request: Named, member: Nameable): boolean {
  const named = request[member];
  // A client that names the key's own user changes nothing.
  return named === null || named === key[member] || isAllowedName(named, key.mayName[member]);
}
