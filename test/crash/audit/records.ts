import { createHash } from "node:crypto";
import type pg from "pg";
import { add, text, units } from "./decimal.js";
import type { Findings } from "./findings.js";

/** The fields of a bill record that the auditor uses; instants in ms. */
export interface RecordRow {
  account: string;
  shard: number;
  seq: number;
  sn: string;
  kind: string;
  instanceNo: number;
  instance: string;
  hour: number;
  begin: number;
  end: number;
  part: string;
  quantity: string;
  events: number;
  replaces: string | null;
  canonical: string;
  checksum: string;
  prev: string;
  wire: string;
  expires: number;
  opened: number;
  closed: number | null;
  state: string;
}

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

export async function readRecords(db: pg.Client): Promise<RecordRow[]> {
  const { rows } = await db.query<RecordRow>(
    `SELECT a.code AS account, r.shard, r.seq::float8 AS seq, r.sn, r.kind, r.instance_no AS "instanceNo", i.instance_id AS instance,
       ${ms("r.hour")} AS hour, ${ms("r.begin_at")} AS begin, ${ms("r.end_at")} AS "end", r.part, r.quantity::text, r.events::float8 AS events,
       r.replaces, r.canonical, r.checksum, r.prev, r.wire, ${ms("r.expires")} AS expires, ${ms("i.opened")} AS opened,
       ${ms("i.closed")} AS closed, b.state
     FROM records r JOIN accounts a USING (account_no) JOIN instances i USING (instance_no) JOIN billing.records b ON b.sn = r.sn
     ORDER BY a.code, r.shard, r.seq`,
  );
  return rows;
}

const HOUR_MS = 3_600_000;

/** I3, I5, I8, I10, I12: the records by themselves and compared with the hours they bill. */
export async function auditRecords(
  db: pg.Client,
  records: readonly RecordRow[],
  findings: Findings,
): Promise<void> {
  auditChain(records, findings);
  for (const record of records) auditLimits(record, findings);
  auditIntervals(records, findings);
  await auditSums(db, records, findings);
}

function auditChain(records: readonly RecordRow[], findings: Findings): void {
  let last: RecordRow | undefined;
  for (const record of records) {
    const isFirst = last?.account !== record.account || last.shard !== record.shard;
    const where = `${record.account}/${record.shard}#${record.seq} ${record.sn}`;
    if (record.seq !== (isFirst ? 1 : last!.seq + 1))
      findings.found("I12", `${where}: the chain has a gap before it`);
    if (record.prev !== (isFirst ? "0".repeat(64) : last!.checksum))
      findings.found("I12", `${where}: prev is another`);
    const sum = createHash("sha256").update(`billrec-v1\n${record.canonical}`).digest("hex");
    if (sum !== record.checksum) findings.found("I12", `${where}: the checksum is not that of its bytes`);
    auditBytes(record, where, findings);
    last = record;
  }
}

/** Checks the columns against the hashed bytes, and derives the serial number again. */
function auditBytes(record: RecordRow, where: string, findings: Findings): void {
  const bytes = JSON.parse(record.canonical) as Record<string, string>;
  const columns: Record<string, string> = {
    sn: record.sn,
    account: record.account,
    instance: record.instance,
    kind: record.kind,
    part: record.part,
    prev: record.prev,
    seq: String(record.seq),
    shard: String(record.shard),
    hour: compact(record.hour),
    begin: compact(record.begin),
    end: compact(record.end),
    events: String(record.events),
    replaces: record.replaces ?? "",
  };
  for (const [name, value] of Object.entries(columns)) {
    if (bytes[name] !== value)
      findings.found("I12", `${where}: ${name} is ${value}, its bytes say ${bytes[name]}`);
  }
  if (units(bytes.qty!) !== units(record.quantity))
    findings.found("I12", `${where}: quantity is ${record.quantity}, its bytes say ${bytes.qty}`);
  const identity = [
    "sn-v1",
    record.account,
    record.instance,
    compact(record.begin),
    compact(record.end),
    record.part,
  ];
  const sn = `b1${createHash("sha256").update(identity.join("\n")).digest("hex").slice(0, 48)}`;
  if (sn !== record.sn) findings.found("I12", `${where}: the serial number is not that of its identity`);
}

export function compact(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}

function auditLimits(record: RecordRow, findings: Findings): void {
  const { sn, quantity, begin, end, opened, closed } = record;
  const problems = [
    !/^\d{1,8}(\.\d{1,4})?$/.test(quantity.replace(/(\.\d{4})0+$/, "$1")) && `quantity ${quantity}`,
    units(quantity) <= 0n && `quantity ${quantity}`,
    sn.length > 64 && `a serial number of ${sn.length}`,
    (begin % 1_000 !== 0 || end % 1_000 !== 0) && "an interval not in whole seconds",
    Math.floor(begin / HOUR_MS) !== Math.floor((end - 1) / HOUR_MS) && "an interval over two hours",
    begin >= end && "an empty interval",
    (begin < opened || (closed !== null && end > closed)) && "an interval outside of its instance's life",
  ];
  for (const problem of problems) if (problem) findings.found("I8", `${sn}: ${problem}`);
}

/** Only one unreplaced record per interval; parts of an instance do not overlap. */
function auditIntervals(records: readonly RecordRow[], findings: Findings): void {
  const replaced = new Set(records.flatMap(({ replaces }) => (replaces === null ? [] : [replaces])));
  const byInstance = new Map<number, RecordRow[]>();
  for (const record of records) {
    if (replaced.has(record.sn)) continue;
    byInstance.set(record.instanceNo, [...(byInstance.get(record.instanceNo) ?? []), record]);
  }
  for (const list of byInstance.values()) {
    const sorted = [...list].sort((a, b) => a.begin - b.begin);
    sorted.forEach((record, at) => {
      const before = sorted[at - 1];
      if (before && before.begin === record.begin && before.end === record.end) {
        findings.doubled += 1;
        findings.found("I5", `${record.sn} and ${before.sn} have one interval`);
      } else if (before && before.end > record.begin)
        findings.found("I8", `${record.sn} overlaps ${before.sn}`);
    });
  }
}

async function auditSums(db: pg.Client, records: readonly RecordRow[], findings: Findings): Promise<void> {
  const billed = new Map<number, bigint>();
  const eventsIn = new Map<string, number>();
  for (const { kind, instanceNo, hour, quantity, events } of records) {
    if (kind === "rereport") continue;
    add(billed, instanceNo, units(quantity));
    eventsIn.set(`${instanceNo} ${hour}`, (eventsIn.get(`${instanceNo} ${hour}`) ?? 0) + events);
  }
  const { rows } = await db.query<{
    no: number;
    summed: string;
    open: string;
    residue: string;
    unbillable: string;
    corrected: boolean;
  }>(
    `SELECT i.instance_no AS no, COALESCE(sum(u.quantity), 0)::text AS summed,
       COALESCE(sum(u.quantity) FILTER (WHERE u.bill_hour >= s.sealed_before), 0)::text AS open,
       COALESCE((SELECT residue FROM residues r WHERE r.instance_no = i.instance_no ORDER BY hour DESC LIMIT 1), 0)::text AS residue,
       COALESCE((SELECT sum(quantity) FROM unbillable b WHERE b.instance_no = i.instance_no), 0)::text AS unbillable,
       EXISTS (SELECT 1 FROM corrections x WHERE x.instance_no = i.instance_no AND delta < 0) AS corrected
     FROM instances i LEFT JOIN hour_usage u USING (instance_no) LEFT JOIN shards s ON s.shard = u.shard GROUP BY i.instance_no`,
  );
  for (const { no, summed, open, residue, unbillable, corrected } of rows) {
    const kept = (billed.get(no) ?? 0n) + units(open) + units(residue) + units(unbillable);
    if (units(summed) !== kept)
      findings.found(
        "I3",
        `instance ${no}: summed ${summed}, in records, open hours and residue ${text(kept)}`,
      );
    // Below 0 it is a credit: more was taken back than used.
    if ((units(residue) < 0n && !corrected) || units(residue) >= units("0.0001"))
      findings.found("I3", `instance ${no}: residue ${residue}`);
  }
  await auditEventCounts(db, eventsIn, findings);
}

/** An hour's events, including late ones, are in exactly one record of it. */
async function auditEventCounts(
  db: pg.Client,
  eventsIn: Map<string, number>,
  findings: Findings,
): Promise<void> {
  const { rows } = await db.query<{ no: number; hour: number; events: number }>(
    `SELECT instance_no AS no, ${ms("bill_hour")} AS hour, sum(events)::float8 AS events FROM hour_usage GROUP BY 1, 2`,
  );
  const due = new Map(rows.map(({ no, hour, events }) => [`${no} ${hour}`, events]));
  for (const [key, events] of eventsIn) {
    if (due.get(key) !== events)
      findings.found(
        "I10",
        `instance and hour ${key}: ${events} events in records, ${due.get(key) ?? 0} counted`,
      );
  }
}
