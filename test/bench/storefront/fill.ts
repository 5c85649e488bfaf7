import { HOUR, parseInstant, type Micros } from "@quarterpast/domain";
import { ensureAccount, ensureMeter, ensureShards, type Pool } from "@quarterpast/store";

/** Product time when the load begins. */
export const NOW: Micros = parseInstant("2026-03-01T10:30:00Z")!;
export const instanceOf = (n: number): string => `i-${String(n).padStart(8, "0")}`;

/** Fills an empty ledger with purchased instances, each with cumulative usage and usage in the open hour. */
export async function fill(pool: Pool, instances: number): Promise<void> {
  const { accountNo } = await ensureAccount(
    pool,
    { code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    NOW,
  );
  await ensureShards(pool, NOW - (NOW % HOUR));
  const { meter } = await ensureMeter(
    pool,
    { code: "tokens", aggregation: "sum", unit: "token", scale: 4 },
    NOW,
  );
  const client = await pool.connect();
  const run = async (sql: string, ...parameters: unknown[]) => void (await client.query(sql, parameters));
  try {
    await run("SET statement_timeout = 0");
    await run(
      `INSERT INTO products (account_no, product_id, mode, meter_no, cycle, created_at)
       VALUES ($1::smallint, 'P1', 'pay_per_use', $2::integer, 'hourly', $3::timestamptz)`,
      accountNo,
      meter.meterNo,
      iso(NOW),
    );
    await run(
      `INSERT INTO subscriptions (account_no, instance_id, order_id, item, version, state, product_id, mode, customer_id,
         provided, subject, opened, received_at)
       SELECT $1::smallint, 'i-' || lpad(n::text, 8, '0'), 'CS' || n, 'P1', 'v1', 'active', 'P1', 'pay_per_use', 'c-' || n,
         '{"frontEndUrl": "https://app.example/"}', 'c-' || n, $2::timestamptz, $2::timestamptz
       FROM generate_series(1, $3::integer) AS n`,
      accountNo,
      iso(NOW - 24 * HOUR),
      instances,
    );
    await run(
      `INSERT INTO instances (account_no, instance_id, product, meter_no, subject, shard, cycle, opened, created_at)
       SELECT account_no, instance_id, product_id, $1::integer, subject, get_byte(sha256(instance_id::bytea), 0) % 8, 'hourly',
         opened, opened FROM subscriptions ORDER BY subscription_no`,
      meter.meterNo,
    );
    await run("INSERT INTO usage_totals (instance_no, quantity) SELECT instance_no, 1234.5 FROM instances");
    await run(
      `INSERT INTO usage_total_marks (shard, through) SELECT shard, $1::timestamptz FROM shards WHERE shard >= 0`,
      iso(NOW - (NOW % HOUR)),
    );
    await run(
      `INSERT INTO hour_usage (shard, bill_hour, instance_no, origin_hour, quantity, events)
       SELECT shard, $1::timestamptz, instance_no, $1::timestamptz, 1.25, 1 FROM instances ORDER BY shard, instance_no`,
      iso(NOW - (NOW % HOUR)),
    );
    await run("VACUUM ANALYZE");
  } finally {
    client.release();
  }
}

const iso = (at: Micros) => new Date(at / 1_000).toISOString();
