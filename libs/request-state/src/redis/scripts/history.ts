import { requestScript } from "./prelude.ts";

/** ARGV: the owner that asks, or nothing. Changes nothing. Returns whether there is an outcome, its bytes, cancelled, began, attempts. */
export const historyScript = requestScript(`
local outcomeHash = get('outcomeHash')
local attempts = {}
for number = 1, attemptsMax do
  if phaseOf(number) then attempts[number] = attempt(number, ARGV[1]) else break end
end
return {
  outcomeHash and 1 or 0, outcomeHash and redis.call('GET', answer),
  get('cancelled') and 1 or 0, (lastToken() or get('began')) and 1 or 0, attempts
}
`);
