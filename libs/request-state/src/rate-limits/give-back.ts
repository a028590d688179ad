/**
 * Lua that ends the slots of a request: `held` is the set of the sorted sets in which it has one. They are all under the
 * tenant's hash tag.
 */
export const giveBack = `
local function giveBack(held, id)
  local slots = redis.call('SMEMBERS', held)
  if #slots == 0 then return end
  for _, key in ipairs(slots) do redis.call('ZREM', key, id) end
  redis.call('DEL', held)
end
`;
