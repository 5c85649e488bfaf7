import type { Micros, RecordState } from "@quarterpast/domain";
import { stamp, type Db, type Pool, type PoolClient } from "../db/database.js";
import { FORMATS, linesOf, textOfHour, textsOf, type ExportFormat } from "./exportLines.js";
import { allowLongReads } from "../proof/manifests.js";
import { readTexts } from "../db/cursor.js";

export interface ExportFilter {
  accountNo: number;
  from: Micros;
  to: Micros;
  product?: string | undefined;
  subject?: string | undefined;
}

/** More would write faster than any client reads. */
const CONNECTIONS = 2;

/**
 * Lines of the records of the hours from `from` up to, not including, `to`, by hour and chain, without a header; each
 * text contains about a hundred lines. The database writes them in one snapshot, hour by hour, one step ahead of the
 * reader, so that memory stays flat. If the pool has room, two connections alternate. Quantities are the decimal
 * texts of the frozen records.
 */
export async function* readExport(
  pool: Pool,
  filter: ExportFilter,
  format: ExportFormat,
): AsyncGenerator<string[]> {
  const clients: PoolClient[] = [];
  let broken = true;
  try {
    await connect(pool, clients);
    for (const client of clients) await writeTexts(client, filter, format);
    const hours = await hoursWithRecords(clients[0]!, filter);
    const begin = (n: number) =>
      hours[n] === undefined
        ? undefined
        : ahead(readHour(clients[n % clients.length]!, filter.accountNo, hours[n], format));
    const begun = clients.map((_, n) => begin(n));
    for (const n of hours.keys()) {
      const turn = n % clients.length;
      yield* begun[turn]!;
      begun[turn] = begin(n + clients.length);
    }
    for (const client of clients) await client.query("COMMIT");
    broken = false;
  } finally {
    for (const client of clients) client.release(broken);
  }
}

/**
 * Connections that share a snapshot; does not wait for a second one, which another export might hold while waiting
 * for its own.
 */
async function connect(pool: Pool, clients: PoolClient[]): Promise<void> {
  clients.push(await pool.connect());
  await clients[0]!.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  const { rows } = await clients[0]!.query<{ id: string }>("SELECT pg_export_snapshot() AS id");
  while (clients.length < CONNECTIONS && hasRoom(pool)) {
    const client = await pool.connect();
    clients.push(client);
    await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '${rows[0]!.id}'`);
  }
}

function hasRoom({ idleCount, totalCount, waitingCount, options }: Pool): boolean {
  return waitingCount === 0 && (idleCount > 0 || totalCount < options.max);
}

async function writeTexts(client: PoolClient, filter: ExportFilter, format: ExportFormat): Promise<void> {
  const { accountNo, product = null, subject = null } = filter;
  await allowLongReads(client);
  // Compiling a query takes longer than running it for an hour.
  await client.query("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off");
  await client.query(textsOf(FORMATS[format]), [accountNo, product, subject]);
  await client.query("ANALYZE export_texts");
}

function readHour(
  client: PoolClient,
  accountNo: number,
  hour: Micros,
  format: ExportFormat,
): AsyncGenerator<string[]> {
  const values = [accountNo, stamp(hour), textOfHour(FORMATS[format], hour)];
  return readTexts(client, "export_lines", linesOf(FORMATS[format]), values);
}

/** Starts immediately, and fetches the next item while the reader is busy with this one. */
function ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  const ask = () => {
    const next = source.next();
    // The error is reported when the item is awaited.
    next.catch(() => {});
    return next;
  };
  let next = ask();
  return (async function* () {
    for (;;) {
      const { value, done } = await next;
      if (done) return;
      next = ask();
      yield value;
    }
  })();
}

async function hoursWithRecords(db: Db, { accountNo, from, to }: ExportFilter): Promise<Micros[]> {
  const { rows } = await db.query<{ hour: Micros }>(
    `SELECT DISTINCT hour FROM call_totals WHERE account_no = $1::smallint AND hour >= $2::timestamptz
       AND hour < $3::timestamptz ORDER BY hour`,
    [accountNo, stamp(from), stamp(to)],
  );
  return rows.map(({ hour }) => hour);
}

/** What was filed in the hours of a span, as signed in the manifests. */
export async function summarize(
  pool: Pool,
  { accountNo, from, to }: Pick<ExportFilter, "accountNo" | "from" | "to">,
): Promise<
  { product: string; meter: string; unit: string; kind: string; quantity: string; records: number }[]
> {
  const { rows } = await pool.query(
    `SELECT t.product, t.meter, t.unit, t.kind, trim_scale(sum(t.quantity))::text AS quantity, sum(t.records)::bigint AS records
     FROM manifest_totals t JOIN manifests m USING (account_no, number)
     WHERE m.account_no = $1::smallint AND m.hour >= $2::timestamptz AND m.hour < $3::timestamptz
     GROUP BY t.product, t.meter, t.unit, t.kind ORDER BY t.product, t.meter, t.unit, t.kind`,
    [accountNo, stamp(from), stamp(to)],
  );
  return rows;
}

/** What was filed for a product on a day of the marketplace, in its present state. */
export interface DayTotal {
  day: string;
  product: string;
  meter: string;
  unit: string;
  state: RecordState;
  quantity: string;
  records: number;
}

/** What was filed in the hours of a span, by product, day of the account's marketplace, and state. */
export async function summarizeDays(
  pool: Pool,
  { accountNo, from, to }: Pick<ExportFilter, "accountNo" | "from" | "to">,
): Promise<DayTotal[]> {
  const { rows } = await pool.query<DayTotal>(
    `SELECT to_char((b.hour AT TIME ZONE 'UTC') + make_interval(mins => a.day_offset_minutes), 'YYYY-MM-DD') AS day, b.product, b.meter,
       b.unit, b.state, trim_scale(sum(b.quantity))::text AS quantity, sum(b.records)::bigint AS records
     FROM billing.records_by_hour b JOIN accounts a ON a.code = b.account
     WHERE a.account_no = $1::smallint AND b.hour >= $2::timestamptz AND b.hour < $3::timestamptz
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`,
    [accountNo, stamp(from), stamp(to)],
  );
  return rows;
}
