import { requestScript } from "./prelude.ts";

/**
 * ARGV: the owner that asks or '', admittedAt. Changes nothing. Returns whether there is an outcome, its bytes, cancelled,
 * began, attempts, and how many numbers of attempts before them are not used.
 */
export const historyScript = requestScript(`
local outcomeHash = get('outcomeHash')
local before = attemptsBeforeOf(tonumber(ARGV[2]))
local attempts = {}
for index = 1, attemptsMax do
  local number = before + index
  if phaseOf(number) then attempts[index] = attempt(number, ARGV[1]) else break end
end
return {
  outcomeHash and 1 or 0, outcomeHash and redis.call('GET', answer),
  get('cancelled') and 1 or 0, (lastToken() or get('began')) and 1 or 0, attempts, before
}
`);

/** ARGV: attempt number. A marker has no attempts, and an outcome. */
export const hasLostScript = requestScript(`
return (phaseOf(ARGV[1]) or get('outcomeHash')) and 0 or 1
`);
