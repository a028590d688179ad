/**
 * Adds the input that was written to a prompt cache for an hour. No row is rewritten, so the trigger of `charges` does not
 * refuse it and the tables are locked for moments only. An old row has null, because its metering did not have the class.
 * The sums keep a default, so that an accountant of the version before can still write during the upgrade.
 *
 * `charges` is locked first, as the transaction of a slice does, so that the two cannot deadlock.
 */
export const cacheWriteHour0002 = `
alter table charges add column cache_write_hour_tokens bigint;
alter table usage_hourly add column cache_write_hour_tokens numeric not null default 0;
`;
