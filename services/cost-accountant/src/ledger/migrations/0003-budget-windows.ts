/**
 * Adds what budgets need: the windows and the run of a charge, the number that the ledger gives to each charge of a
 * partition, and the sums by window from which the budgets are rebuilt. No row is rewritten. An old row has no number,
 * because nothing was reserved for it, and an accountant of the version before can still write during the upgrade.
 *
 * A charge changes neither column of the index of windows, so that PostgreSQL changes a sum in place.
 *
 * `charges` is locked first, as the transaction of a slice does, so that the two cannot deadlock.
 */
export const budgetWindows0003 = `
alter table charges
  add column windows jsonb,
  add column run_id text,
  add column ledger_partition integer,
  add column ledger_sequence bigint;
alter table consumer_offsets add column last_sequence bigint not null default 0;

create table budget_windows (
  tenant text not null,
  window_id text collate "C" not null,
  budget text not null,
  scope text not null,
  opens_at timestamptz,
  closes_at timestamptz,
  spent_nano_usd numeric not null,
  updated_at timestamptz not null,
  primary key (tenant, window_id)
) with (fillfactor = 70);
create index budget_windows_by_close on budget_windows (tenant, closes_at);

create table budget_epochs (
  tenant text primary key,
  epoch integer not null
);
`;
