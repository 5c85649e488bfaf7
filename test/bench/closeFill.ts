import { HOUR, parseInstant, shardOf, type Micros } from "@quarterpast/domain";
import { ensureAccount, ensureMeter, ensureShards, type Account, type Pool } from "@quarterpast/store";

/** The hour that the bench closes. */
export const CLOSED_HOUR: Micros = parseInstant("2026-03-01T10:00:00Z")!;

const DEPTH = 6;

/** Fills an empty ledger with instances, each with one event in the hour; quantities leave residues. */
export async function fillHour(pool: Pool, instances: number): Promise<Account> {
  const now = CLOSED_HOUR;
  const account = await ensureAccount(
    pool,
    { code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    now,
  );
  await ensureShards(pool, now);
  const meters = [];
  for (const code of ["tokens", "gigabytes"])
    meters.push(await ensureMeter(pool, { code, aggregation: "sum", unit: "unit", scale: DEPTH }, now));
  const { accountNo } = account;
  await fillInstances(pool, accountNo, instances, now);
  const client = await pool.connect();
  const run = async (sql: string, ...parameters: unknown[]) => void (await client.query(sql, parameters));
  try {
    await run("SET statement_timeout = 0");
    await run("INSERT INTO sources (source) VALUES ('bench')");
    await run(
      `INSERT INTO events (source_no, instance_no, key, timed, occurred, quantity)
       SELECT source_no, instance_no,
         format('019ca8e0-%s-7%s-8000-%s', lpad(to_hex(n / 4096), 4, '0'), lpad(to_hex(n % 4096), 3, '0'), lpad(to_hex(n), 12, '0'))::uuid,
         true, $1::timestamptz + make_interval(secs => n % 3600),
         trim_scale((n % 99991 + 1) * 0.000123)
       FROM (SELECT instance_no, row_number() OVER (ORDER BY instance_no) AS n FROM instances) i, sources`,
      iso(now),
    );
    await run(
      `INSERT INTO hour_usage (shard, bill_hour, instance_no, origin_hour, quantity, events)
       SELECT shard, $1::timestamptz, instance_no, $1::timestamptz, quantity, 1 FROM events JOIN instances USING (instance_no)
       ORDER BY shard, instance_no`,
      iso(now),
    );
    await run("VACUUM ANALYZE");
  } finally {
    client.release();
  }
  return account;
}

/** Creates instances of ten products and both meters, all opened a day before `from`. */
export async function fillInstances(
  pool: Pool,
  accountNo: number,
  instances: number,
  from: Micros,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("SET statement_timeout = 0");
    await client.query(
      `INSERT INTO instances (account_no, instance_id, product, meter_no, subject, shard, cycle, opened, created_at)
       SELECT $1::smallint, id, 'product-' || n % 10, m.meter_no, 'customer-' || n, get_byte(sha256(id::bytea), 0) % 8, 'hourly',
         $2::timestamptz, $2::timestamptz
       FROM generate_series(1, $3::integer) AS n, LATERAL (SELECT 'i-' || lpad(n::text, 8, '0') AS id) AS named
       JOIN meters m ON true WHERE m.code = CASE n % 2 WHEN 0 THEN 'tokens' ELSE 'gigabytes' END ORDER BY n`,
      [accountNo, iso(from - 24 * HOUR), instances],
    );
  } finally {
    client.release();
  }
  await checkShards(pool);
}

/** What must arrive: every quantity cut at the marketplace's fourth decimal, in those units. */
export async function expectedUnits(pool: Pool): Promise<{ records: number; units: bigint }> {
  const { rows } = await pool.query<{ records: number; units: string }>(
    `SELECT count(*) AS records, COALESCE(trunc(sum(trunc(quantity * 10000))), 0)::text AS units FROM hour_usage
     WHERE quantity >= 0.0001`,
  );
  return { records: rows[0]!.records, units: BigInt(rows[0]!.units) };
}

async function checkShards(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ id: string; shard: number }>(
    "SELECT instance_id AS id, shard FROM instances LIMIT 100",
  );
  if (rows.some(({ id, shard }) => shardOf(id) !== shard))
    throw new Error("shards are not those of the product");
}

function iso(at: Micros): string {
  return new Date(at / 1_000).toISOString();
}
