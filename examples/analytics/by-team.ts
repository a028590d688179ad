import { DuckDBInstance } from "@duckdb/node-api";

const path = process.argv[2] ?? "charges.ndjson";

const duckdb = await DuckDBInstance.create(":memory:");
const connection = await duckdb.connect();
// Counts each charge id once, because delivery is at least once. Sums of whole nano-dollars are exact.
const byTeam = await connection.runAndReadAll(
  `
  WITH charges AS (
    SELECT DISTINCT ON (chargeId) attribution.team AS team, kind,
      CAST(amountNanoUsd AS HUGEINT) AS amount, CAST(priceNanoUsd AS HUGEINT) AS price
    FROM read_json($path, format = 'newline_delimited')
  )
  SELECT team, count(*) AS charges,
    sum(amount) / 1e9 AS spent_usd,
    coalesce(sum(price) FILTER (kind = 'saving'), 0) / 1e9 AS saved_usd
  FROM charges GROUP BY team ORDER BY spent_usd DESC`,
  { path },
);
console.table(byTeam.getRowObjectsJson());
// Writes the same rows as Parquet, for a data warehouse.
await connection.run(
  `COPY (SELECT * FROM read_json('${path.replaceAll("'", "''")}', format = 'newline_delimited'))
   TO '${path.replaceAll("'", "''")}.parquet' (FORMAT parquet)`,
);
connection.closeSync();
