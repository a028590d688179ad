import { chargeColumns, sumColumns } from "./charge-columns.ts";
import type { Dimension } from "./dimensions.ts";

const charges = chargeColumns.map(({ name }) => name).join(", ");
const sums = sumColumns.map(({ name }) => name).join(", ");
/** Within the slice; `charges` has tokens by the same names. */
const added = sumColumns.map(({ name }) => `added_${name}`).join(", ");
const all = [...chargeColumns, ...sumColumns];
const arrays = all.map(({ type }, index) => `$${index + 1}::${type}[]`).join(", ");
const firstExtra = all.length + 1;

const hourOf = "date_trunc('hour', called_at, 'UTC')";
const keyColumns =
  "tenant, team, feature, user_id, key_id, variant, provider, model, tier, complexity, cache, lane";

/** Takes the partition for this transaction and moves its offset, in one. $1 topic, $2 partition, $3 next offset. */
export const takePartition = `
  insert into consumer_offsets as o (topic, partition, next_offset) values ($1, $2, $3)
  on conflict (topic, partition)
  do update set next_offset = greatest(o.next_offset, excluded.next_offset)`;

/** $1 attempt ids. */
export const chargesOfAttempts = `select ${charges} from charges where attempt_id = any($1::text[])`;

/**
 * The whole effect of a slice. Only what was inserted raises sums. Sums are
 * raised in the order of their key, so that two writers cannot wait for each
 * other in a circle. Parameters: an array per column, then the attempts that
 * are metered and those that are parked.
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
  ), closed as (
    delete from attempts_open where attempt_id = any($${firstExtra}::text[])
  ), parked as (
    insert into attempts_parked select unnest($${firstExtra + 1}::text[])
    on conflict do nothing
  )
  select count(*)::integer as inserted from inserted`;

const isKnown = (id: string): string => `(
  exists (select from charges c where c.attempt_id = ${id})
  or exists (select from attempts_parked p where p.attempt_id = ${id})
)`;

/** $1 attempt ids, $2 partitions, $3 deadlines, $4 intents. */
export const noteIntents = `
  insert into attempts_open as a (attempt_id, partition, deadline_at, intent)
  select distinct on (attempt_id) attempt_id, partition, deadline_at, intent
  from unnest($1::text[], $2::integer[], $3::timestamptz[], $4::jsonb[]) with ordinality
    as noted (attempt_id, partition, deadline_at, intent, place)
  where not ${isKnown("noted.attempt_id")}
  order by attempt_id, place desc
  on conflict (attempt_id) do update
  set deadline_at = excluded.deadline_at, intent = excluded.intent`;

/**
 * An intent that was noted while its charge was being written stays behind in
 * the table; what makes an attempt open is asked anew, and the leftover goes.
 * $1 partitions, $2 deadline.
 */
export const forgetKnown = `
  delete from attempts_open a
  where partition = any($1::integer[]) and deadline_at < $2 and ${isKnown("a.attempt_id")}`;

/** $1 partitions, $2 deadline, $3 most rows. */
export const overdueAttempts = `
  select partition, intent from attempts_open a
  where partition = any($1::integer[]) and deadline_at < $2 and not ${isKnown("a.attempt_id")}
  order by deadline_at limit $3`;

/** $1 attempt ids. */
export const stillOpen = `
  select attempt_id from attempts_open a
  where attempt_id = any($1::text[]) and not ${isKnown("a.attempt_id")}`;

/** Eight limbs of 32 bits, as the sum of the hashes has no type of its own in the database. */
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

/** The total comes first, as the row without dimensions. $1 tenant, $2 since, $3 until, $4 most rows; null: all. */
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
