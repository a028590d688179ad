import { chargeColumns, sumColumns } from "./charge-columns.ts";
import type { Dimension } from "./dimensions.ts";

const charges = chargeColumns.map(({ name }) => name).join(", ");
const sums = sumColumns.map(({ name }) => name).join(", ");
/** Names of the sums within the slice. The prefix distinguishes them from the columns of `charges`. */
const added = sumColumns.map(({ name }) => `added_${name}`).join(", ");
const all = [...chargeColumns, ...sumColumns];
const arrays = all.map(({ type }, index) => `$${index + 1}::${type}[]`).join(", ");
const firstExtra = all.length + 1;

/** The time of a window, which its JSON has in epoch milliseconds. */
const timeIn = (member: string): string => `to_timestamp((w->>'${member}')::bigint / 1000.0)`;

const hourOf = "date_trunc('hour', called_at, 'UTC')";
const keyColumns =
  "tenant, team, feature, user_id, key_id, variant, provider, model, tier, complexity, cache, lane";

/**
 * Locks the partition for this transaction, moves its offset, and returns the number of its last charge. $1 topic,
 * $2 partition, $3 next offset.
 */
export const takePartition = `
  insert into consumer_offsets as o (topic, partition, next_offset) values ($1, $2, $3)
  on conflict (topic, partition)
  do update set next_offset = greatest(o.next_offset, excluded.next_offset)
  returning last_sequence`;

/** Reads the charges of attempts. $1 attempt ids. */
export const chargesOfAttempts = `select ${charges} from charges where attempt_id = any($1::text[])`;

/**
 * Writes everything of a slice. Only rows that were inserted change the sums. Sums are changed in the
 * order of their key, so that two writers cannot deadlock. Parameters: an array for each column, then
 * the attempts that are metered, those that are parked, the topic, the partition, and the number of its last charge.
 *
 * A parked attempt keeps its intent: what it costs is not known, so the amount that is reserved for it must be found by a
 * rebuild of the budgets.
 */
export const writeSlice = `
  with slice as (
    select * from unnest(${arrays}) as s (${charges}, ${added})
  ), inserted as (
    insert into charges (${charges}) select ${charges} from slice
    on conflict (charge_id) do nothing
    returning charge_id
  ), summed as (
    insert into usage_hourly as u (hour, ${keyColumns}, ${sums})
    select ${hourOf} as hour, ${keyColumns},
      ${sumColumns.map(({ name }) => `sum(added_${name})`).join(", ")}
    from slice join inserted using (charge_id)
    group by hour, ${keyColumns} order by hour, ${keyColumns}
    on conflict (hour, ${keyColumns}) do update set
      ${sumColumns.map(({ name }) => `${name} = u.${name} + excluded.${name}`).join(", ")}
  ), budgeted as (
    insert into budget_windows as b
      (tenant, window_id, budget, scope, opens_at, closes_at, spent_nano_usd, updated_at)
    select tenant, w->>'id', w->>'budget', w->>'scope', ${timeIn("opensAt")}, ${timeIn("closesAt")},
      sum(amount_nano_usd), now()
    from slice join inserted using (charge_id), jsonb_array_elements(windows) as w
    where amount_nano_usd <> 0
    group by 1, 2, 3, 4, 5, 6 order by 1, 2
    on conflict (tenant, window_id) do update set
      spent_nano_usd = b.spent_nano_usd + excluded.spent_nano_usd, updated_at = excluded.updated_at
  ), closed as (
    delete from attempts_open
    where attempt_id = any($${firstExtra}::text[]) and not attempt_id = any($${firstExtra + 1}::text[])
  ), numbered as (
    update consumer_offsets set last_sequence = $${firstExtra + 4}
    where topic = $${firstExtra + 2} and partition = $${firstExtra + 3}
  ), parked as (
    insert into attempts_parked select unnest($${firstExtra + 1}::text[])
    on conflict do nothing
  )
  select count(*)::integer as inserted from inserted`;

const isCharged = (id: string): string =>
  `exists (select from charges c where c.attempt_id = ${id})`;

const isKnown = (id: string): string => `(
  ${isCharged(id)}
  or exists (select from attempts_parked p where p.attempt_id = ${id})
)`;

/**
 * Stores intents of attempts that are not charged; the last one of an attempt counts. $1 attempt ids, $2 partitions, $3 deadlines,
 * $4 intents.
 */
export const noteIntents = `
  insert into attempts_open as a (attempt_id, partition, deadline_at, intent)
  select distinct on (attempt_id) attempt_id, partition, deadline_at, intent
  from unnest($1::text[], $2::integer[], $3::timestamptz[], $4::jsonb[]) with ordinality
    as noted (attempt_id, partition, deadline_at, intent, place)
  where not ${isCharged("noted.attempt_id")}
  order by attempt_id, place desc
  on conflict (attempt_id) do update
  set deadline_at = excluded.deadline_at, intent = excluded.intent`;

/**
 * Deletes intents of attempts that are charged. An intent that is stored while its charge is
 * being written stays in the table, so the charges decide whether an attempt is open.
 * $1 partitions, $2 deadline.
 */
export const forgetCharged = `
  delete from attempts_open a
  where partition = any($1::integer[]) and deadline_at < $2 and ${isCharged("a.attempt_id")}`;

/**
 * Reads open attempts whose deadline has passed, oldest first. $1 partitions, $2 deadline, $3 limit
 * of rows.
 */
export const overdueAttempts = `
  select partition, intent from attempts_open a
  where partition = any($1::integer[]) and deadline_at < $2 and not ${isKnown("a.attempt_id")}
  order by deadline_at limit $3`;

/** Reads which of the attempts are open. $1 attempt ids. */
export const stillOpen = `
  select attempt_id from attempts_open a
  where attempt_id = any($1::text[]) and not ${isKnown("a.attempt_id")}`;

/** Reads the number of the last charge of each partition. $1 topic. */
export const lastSequences = `
  select partition, last_sequence from consumer_offsets where topic = $1 and last_sequence > 0`;

/**
 * Reads what was spent in the windows of a tenant that may still count. A run that has rested for a month has ended.
 * $1 tenant.
 */
export const spentWindows = `
  select budget, scope, opens_at, closes_at, spent_nano_usd::text as spent from budget_windows
  where tenant = $1 and (
    closes_at > now() - interval '3 days'
    or closes_at is null and (scope !~ '(^|,)run=' or updated_at > now() - interval '30 days')
  )`;

/** Reads the intents of a tenant that are not charged. $1 tenant. */
export const unchargedIntents = `
  select intent from attempts_open a
  where intent->'attribution'->>'tenant' = $1 and not ${isCharged("a.attempt_id")}`;

/** Reads the tenants whose budgets were rebuilt before. */
export const rebuiltTenants = `select tenant from budget_epochs`;

/** Counts the rebuilds of a tenant's budgets, from 0. $1 tenant, $2 the epoch that the store has, or -1. */
export const raiseEpoch = `
  insert into budget_epochs as e (tenant, epoch) values ($1, $2::integer + 1)
  on conflict (tenant) do update set epoch = greatest(e.epoch, $2::integer) + 1
  returning epoch`;

/**
 * Sums the row hashes in eight parts of 32 bits, because the database has no type for the whole
 * sum.
 */
export const replayLimbs = `
  select ${[0, 1, 2, 3, 4, 5, 6, 7]
    .map(
      (limb) =>
        `coalesce(sum(('x' || encode(substr(row_hash, ${limb * 4 + 1}, 4), 'hex'))::bit(32)::bigint), 0)::text as limb${limb}`,
    )
    .join(", ")} from charges`;

const columnOf: Readonly<Record<Dimension, string>> = {
  tenant: "tenant",
  team: "team",
  feature: "feature",
  user: "user_id",
  key: "key_id",
  variant: "variant",
  provider: "provider",
  model: "model",
  tier: "tier",
  complexity: "complexity",
  cache: "cache",
  lane: "lane",
  hour: "hour",
};

/**
 * Returns the statement of a costs query. The total is the first row, without dimensions. $1
 * tenant, $2 since, $3 until, $4 limit of rows; null means all.
 */
export function costsBy(by: readonly Dimension[]): string {
  const grouped = by.map((dimension) => columnOf[dimension]).join(", ");
  const selected = by.map((dimension) => `${columnOf[dimension]} as "${dimension}"`).join(", ");
  return `
    select grouping(${grouped}) > 0 as is_total, ${selected},
      ${sumColumns.map(({ name }) => `coalesce(sum(${name}), 0)::text as ${name}`).join(", ")}
    from usage_hourly
    where ($1::text is null or tenant = $1)
      and ($2::timestamptz is null or hour >= $2)
      and ($3::timestamptz is null or hour < $3)
    group by grouping sets ((${grouped}), ())
    order by is_total desc, sum(spend_nano_usd) desc, ${grouped}
    limit $4`;
}
