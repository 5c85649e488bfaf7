import {
  formatCompact,
  formatLine,
  parseRecord,
  recordChecksum,
  sameQuantity,
  wrapLine,
  type HourGatherer,
  type Micros,
  type RecordField,
} from "@quarterpast/domain";
import type { Db } from "../db/database.js";
import type { HourReading } from "./scope.js";

interface RecordRow {
  seq: number;
  shard: number;
  sn: string;
  kind: string;
  instanceId: string;
  account: string;
  hour: Micros;
  begin: Micros;
  end: Micros;
  part: string;
  quantity: string;
  events: number;
  replaces: string | null;
  packageInstance: string | null;
  carried: string | null;
  canonical: string;
  checksum: string;
  prev: string;
  wire: string;
  wireVersion: number;
  windowEnds: Micros;
  lateEnds: Micros;
  expires: Micros;
  frozenAt: Micros;
}

const ROWS_AT_ONCE = 2_000;

/** The frozen bytes of the records of an hour's manifest, by shard and place in the chain. */
export async function* readRecordLines(db: Db, reading: HourReading): AsyncGenerator<string[]> {
  const { accountNo, seqFrom, seqTo } = reading.scope;
  for (const [shard, to] of seqTo.entries()) {
    let from = seqFrom[shard]!;
    while (from <= to) {
      const rows = await readRecords(db, accountNo, shard, from, to);
      if (rows.length === 0) break;
      yield rows.flatMap((row) => recordLines(reading, row));
      from = rows.at(-1)!.seq + 1;
    }
  }
}

/** The lines of a range of a chain, each with the columns that differ from its bytes. */
export async function readRecordLinesOf(
  db: Db,
  accountNo: number,
  shard: number,
  from: number,
  to: number,
): Promise<string[]> {
  const rows = await readRecords(db, accountNo, shard, from, to);
  return rows.flatMap((row) => recordLines({ roots: "stored", forRestore: false }, row));
}

async function readRecords(
  db: Db,
  accountNo: number,
  shard: number,
  from: number,
  to: number,
): Promise<RecordRow[]> {
  const { rows } = await db.query<RecordRow>(
    `SELECT r.seq, r.shard, r.sn, r.kind, i.instance_id AS "instanceId", a.code AS account, r.hour, r.begin_at AS begin,
       r.end_at AS "end", r.part, r.quantity::text, r.events, r.replaces, r.package_instance AS "packageInstance", r.carried::text, r.canonical, r.checksum, r.prev, r.wire,
       r.wire_version AS "wireVersion", r.window_ends AS "windowEnds", r.late_ends AS "lateEnds", r.expires,
       r.frozen_at AS "frozenAt"
     FROM records r JOIN instances i USING (instance_no) JOIN accounts a ON a.account_no = r.account_no
     WHERE r.account_no = $1::smallint AND r.shard = $2::smallint AND r.seq BETWEEN $3::bigint AND $4::bigint
     ORDER BY r.seq LIMIT ${ROWS_AT_ONCE}`,
    [accountNo, shard, from, to],
  );
  return rows;
}

function recordLines(
  { gatherer, forRestore, roots }: Pick<HourReading, "forRestore" | "roots"> & { gatherer?: HourGatherer },
  row: RecordRow,
): string[] {
  const fields = parseRecord(row.canonical);
  const checksum = recordChecksum(row.canonical);
  if (fields) gatherer?.record(fields, checksum);
  const lines = [wrapLine("record", row.canonical)];
  if (forRestore) lines.push(wireLine(row));
  const wrong = roots === "stored" ? wrongColumn(row, fields ?? {}, checksum) : undefined;
  if (wrong !== undefined) {
    // Whatever is in the column, the line is plain ASCII, because it is a finding, not a proof.
    const is = String(row[wrong]).replace(/[^\x20-\x7e]/g, "?");
    lines.push(formatLine("differs", { column: wrong, is, sn: row.sn.replace(/[^\x20-\x7e]/g, "?") }));
  }
  return lines;
}

/** The first column that differs from the frozen bytes. */
function wrongColumn(
  row: RecordRow,
  fields: Record<string, string>,
  checksum: string,
): keyof RecordRow | undefined {
  for (const [field, [column, isSame]] of Object.entries(COLUMNS))
    if (isSame && !isSame(row, fields[field])) return column;
  return row.checksum === checksum ? undefined : "checksum";
}

type Comparison = [column: keyof RecordRow, isSame: (row: RecordRow, said: string | undefined) => boolean];

const text = (column: keyof RecordRow): Comparison => [column, (row, said) => String(row[column]) === said];
const time = (column: "hour" | "begin" | "end"): Comparison => [
  column,
  (row, said) => formatCompact(row[column]) === said,
];
const inBytesOnly: [undefined] = [undefined];

/** Each field of a record's bytes, with the column that must say the same. */
const COLUMNS: Readonly<Record<RecordField, Comparison | [undefined]>> = {
  sn: text("sn"),
  seq: text("seq"),
  shard: text("shard"),
  kind: text("kind"),
  account: text("account"),
  instance: text("instanceId"),
  hour: time("hour"),
  begin: time("begin"),
  end: time("end"),
  part: text("part"),
  events: text("events"),
  replaces: ["replaces", (row, said) => (row.replaces ?? "") === said],
  package: ["packageInstance", (row, said) => (row.packageInstance ?? undefined) === said],
  carried: ["carried", (row, said) => (row.carried ?? undefined) === said],
  carries: inBytesOnly,
  prev: text("prev"),
  qty: ["quantity", (row, said) => said !== undefined && sameQuantity(said, row.quantity)],
  meter: inBytesOnly,
  product: inBytesOnly,
  record_time: inBytesOnly,
  residue_in: inBytesOnly,
  residue_out: inBytesOnly,
  unit: inBytesOnly,
  v: inBytesOnly,
};

function wireLine(row: RecordRow): string {
  return formatLine("wire", {
    expires: formatCompact(row.expires),
    frozen_at: formatCompact(row.frozenAt),
    late_ends: formatCompact(row.lateEnds),
    sn: row.sn,
    version: String(row.wireVersion),
    window_ends: formatCompact(row.windowEnds),
    wire: row.wire,
  });
}
