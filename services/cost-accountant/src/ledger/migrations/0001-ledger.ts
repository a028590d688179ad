/**
 * Creates the tables of the ledger. Columns are in the order in which people read them. Ids are
 * `collate "C"`, because they are only compared for equality, and locale rules would slow every insert.
 */
export const ledger0001 = `
create table charges (
  charge_id text collate "C" primary key,
  attempt_id text collate "C" not null,
  request_id text not null,
  attempt_number integer not null,
  kind text not null,
  tenant text not null,
  team text not null,
  feature text not null,
  user_id text not null,
  key_id text not null,
  tags jsonb not null,
  variant text not null,
  provider text not null,
  model text not null,
  tier text not null,
  complexity text not null,
  lane text not null,
  cache text not null,
  called_at timestamptz not null,
  charged_at timestamptz not null,
  input_tokens bigint,
  cached_input_tokens bigint,
  cache_write_tokens bigint,
  output_tokens bigint,
  reasoning_tokens bigint,
  other_tokens jsonb not null,
  price_version text not null,
  price_nano_usd bigint not null,
  amount_nano_usd bigint not null,
  row_hash bytea not null check (octet_length(row_hash) = 32)
);
create index charges_by_attempt on charges (attempt_id);

-- Sums are corrected by new rows, never in place: what was charged stays as it was charged.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'charges are append-only' using errcode = 'restrict_violation';
end $$;
create trigger charges_are_append_only before update or delete or truncate on charges
  for each statement execute function refuse_change();

create table usage_hourly (
  hour timestamptz not null,
  tenant text not null,
  team text not null,
  feature text not null,
  user_id text not null,
  key_id text not null,
  variant text not null,
  provider text not null,
  model text not null,
  tier text not null,
  complexity text not null,
  cache text not null,
  lane text not null,
  requests bigint not null,
  attempts bigint not null,
  hits bigint not null,
  input_tokens numeric not null,
  cached_input_tokens numeric not null,
  cache_write_tokens numeric not null,
  output_tokens numeric not null,
  reasoning_tokens numeric not null,
  other_tokens numeric not null,
  saved_input_tokens numeric not null,
  saved_output_tokens numeric not null,
  spend_nano_usd numeric not null,
  saved_nano_usd numeric not null,
  primary key (hour, tenant, team, feature, user_id, key_id, variant, provider, model, tier,
    complexity, cache, lane)
) with (fillfactor = 70);

create table attempts_open (
  attempt_id text collate "C" primary key,
  partition integer not null,
  deadline_at timestamptz not null,
  intent jsonb not null
);
create index attempts_open_by_deadline on attempts_open (partition, deadline_at);

create table attempts_parked (
  attempt_id text collate "C" primary key
);

create table consumer_offsets (
  topic text not null,
  partition integer not null,
  next_offset bigint not null,
  primary key (topic, partition)
) with (fillfactor = 50);
`;
