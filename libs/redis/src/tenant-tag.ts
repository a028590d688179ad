import { hashOf } from "@sluice/domain";

const tagsMax = 10_000;
const tags = new Map<string, string>();

/**
 * Returns the beginning of all keys of a tenant. The tenant's hash is the hash tag, so that they are in one slot and one
 * script can change several of them.
 *
 * @param prefix the topic prefix, which separates installations on one server
 */
export function tenantTagOf(prefix: string, tenant: string): string {
  const name = `${prefix} ${tenant}`;
  const known = tags.get(name);
  if (known !== undefined) return known;
  const tag = `${prefix}{${hashOf(tenant)}}`;
  // Declared tenants are few. The bound limits the memory if other names ever get here.
  if (tags.size >= tagsMax) tags.clear();
  tags.set(name, tag);
  return tag;
}
