import type { Micros, RecordKind, RecordState } from "@quarterpast/domain";
import { stamp, type Pool } from "./db.js";
import { allowLongReads } from "./manifests.js";
import { readAll } from "./proofEvents.js";

/** One line of an export of records. */
export interface ExportRow {
  sn: string;
  account: string;
  product: string;
  instanceId: string;
  subject: string;
  meter: string;
  unit: string;
  kind: RecordKind;
  part: string;
  hour: Micros;
  begin: Micros;
  end: Micros;
  quantity: string;
  events: number;
  state: RecordState;
  code: string | null;
  replaces: string | null;
  shard: number;
  seq: number;
  checksum: string;
}

export interface ExportFilter {
  accountNo: number;
  from: Micros;
  to: Micros;
  product?: string | undefined;
  subject?: string | undefined;
}

/** Records of the hours from `from` until before `to`, by hour and chain; some at a time, memory stays flat. */
export async function* readExport(pool: Pool, filter: ExportFilter): AsyncGenerator<ExportRow[]> {
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query("BEGIN READ ONLY");
    await allowLongReads(client);
    yield* readAll<ExportRow>(client, "export_rows", EXPORT, [
      filter.accountNo,
      stamp(filter.from),
      stamp(filter.to),
      filter.product ?? null,
      filter.subject ?? null,
    ]);
    await client.query("COMMIT");
    broken = false;
  } finally {
    client.release(broken);
  }
}

/** With the states of `billing.records`, and what a drill-down needs: serial number, chain place, checksum. */
const EXPORT = `
  SELECT r.sn, a.code AS account, i.product, i.instance_id AS "instanceId", i.subject, m.code AS meter, m.unit, r.kind,
    r.part, r.hour, r.begin_at AS begin, r.end_at AS "end", r.quantity::text, r.events,
    CASE WHEN n.sn IS NOT NULL THEN 'replaced' ELSE COALESCE(o.state, s.state) END AS state,
    COALESCE(o.code, s.code) AS code, r.replaces, r.shard, r.seq, r.checksum
  FROM records r
  JOIN accounts a USING (account_no)
  JOIN instances i USING (instance_no)
  JOIN meters m USING (meter_no)
  LEFT JOIN LATERAL (
    SELECT state, code FROM submissions s
    WHERE s.account_no = r.account_no AND s.shard = r.shard AND s.seq_to >= r.seq
      AND s.seq_from BETWEEN r.seq - 10000 AND r.seq AND s.state <> 'split'
    ORDER BY s.submission_id DESC LIMIT 1
  ) s ON true
  LEFT JOIN LATERAL (
    SELECT state, code FROM outcomes o WHERE o.sn = r.sn ORDER BY o.outcome_id DESC LIMIT 1
  ) o ON true
  LEFT JOIN records n ON n.replaces = r.sn
  WHERE r.account_no = $1::smallint AND r.hour >= $2::timestamptz AND r.hour < $3::timestamptz
    AND ($4::text IS NULL OR i.product = $4::text) AND ($5::text IS NULL OR i.subject = $5::text)
  ORDER BY r.hour, r.shard, r.seq`;

/** What was filed in the hours of a span, as the manifests sign it. */
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
