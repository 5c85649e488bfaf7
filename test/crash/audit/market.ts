import type pg from "pg";
import { add, text, units } from "./decimal.js";
import type { Findings } from "./findings.js";
import type { Market, MarketCall, MarketRecord } from "./input.js";
import { compact, type RecordRow } from "./records.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PER_CALL = 1_000;
/** Instants in the marketplace's file are cut to milliseconds. */
const CUT_MS = 1;

/** I4–I8, I13, I19: compares our records with what the marketplace itself holds and received. */
export async function auditMarket(
  db: pg.Client,
  records: readonly RecordRow[],
  market: Market,
  findings: Findings,
): Promise<void> {
  const ours = new Map(records.map((record) => [record.sn, record]));
  const intents = await readIntents(db);
  const bodies = new Map<string, string>();
  for (const call of market.calls) {
    if (call.sent.length > PER_CALL)
      findings.found("I8", `call ${call.call} carries ${call.sent.length} records`);
    for (const sent of call.sent)
      auditSend(call, sent, ours.get(sent.metering_sn), intents, bodies, findings);
  }
  await auditValid(db, ours, market, findings);
  await auditStates(db, records, findings);
}

function auditSend(
  call: MarketCall,
  sent: MarketRecord,
  record: RecordRow | undefined,
  intents: ReadonlyMap<string, number>,
  bodies: Map<string, string>,
  findings: Findings,
): void {
  const sn = sent.metering_sn;
  const body = JSON.stringify(sent);
  const first = bodies.get(sn) ?? body;
  bodies.set(sn, first);
  if (first !== body) {
    findings.found("I5", `${sn} went out with two bodies`);
    findings.found("I6", `${sn}: ${body}, before ${first}`);
  }
  if (!record) return findings.found("I4", `${sn} was sent and is none of our records`);
  if (JSON.stringify(JSON.parse(record.wire)) !== body)
    findings.found("I6", `${sn}: sent ${body}, frozen ${record.wire}`);
  const where = `${sn} in call ${call.call}`;
  if (call.productMs + CUT_MS < Math.max(record.end, record.hour + HOUR_MS))
    findings.found("I7", `${where}: sent before its hour ended`);
  if (call.productMs >= record.expires) findings.found("I7", `${where}: sent after it expired`);
  const intent = intents.get(sn);
  if (intent === undefined || intent > call.atMs + CUT_MS)
    findings.found("I7", `${where}: no intent was committed before`);
}

/** When the first attempt containing a record was committed, real ms, by serial number. */
async function readIntents(db: pg.Client): Promise<Map<string, number>> {
  const { rows } = await db.query<{ sn: string; at: number }>(
    `SELECT r.sn, (extract(epoch FROM min(t.sent_real)) * 1000)::float8 AS at FROM records r
     JOIN submissions s ON s.account_no = r.account_no AND s.shard = r.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
     JOIN attempts t USING (submission_id) GROUP BY r.sn`,
  );
  return new Map(rows.map(({ sn, at }) => [sn, at]));
}

/** Exactly what the marketplace accepted as valid is billed for us, once per interval. */
async function auditValid(
  db: pg.Client,
  ours: ReadonlyMap<string, RecordRow>,
  market: Market,
  findings: Findings,
): Promise<void> {
  const extra = await db.query<{ sn: string }>("SELECT sn FROM findings WHERE kind = 'extra'");
  const known = new Set(extra.rows.map(({ sn }) => sn));
  const intervals = new Map<string, string>();
  const there = new Map<string, bigint>();
  const [sumOurs, sumTheirs] = [new Map<string, bigint>(), new Map<string, bigint>()];
  const [dayOurs, dayTheirs] = [new Map<string, bigint>(), new Map<string, bigint>()];
  for (const { record, state, isInvented } of market.records.values()) {
    if (state === "abnormal") continue;
    const { metering_sn: sn, instance_id, begin_time, end_time, usage_value } = record;
    const record_ = ours.get(sn);
    if (!record_ || isInvented) {
      if (!known.has(sn))
        findings.found("I4", `${sn} is billed there, is not ours, and no difference tells it`);
      continue;
    }
    const interval = `${instance_id} ${begin_time} ${end_time}`;
    if (intervals.has(interval)) {
      findings.doubled += 1;
      findings.found("I5", `${interval} is billed there twice: ${sn} and ${intervals.get(interval)}`);
    }
    intervals.set(interval, sn);
    const quantity = units(String(usage_value));
    there.set(sn, quantity);
    add(sumTheirs, `${instance_id} ${compact(record_.hour)}`, quantity);
    add(dayTheirs, `${record_.account} ${Math.floor(record_.begin / DAY_MS)}`, quantity);
    if (state !== "billed" || record_.state !== "billed")
      findings.found("I4", `${sn}: ${state} there, ${record_.state} here`);
  }
  for (const record of ours.values()) {
    if (record.state !== "billed") continue;
    if (there.get(record.sn) !== units(record.quantity)) {
      if (!there.has(record.sn)) findings.lost += 1;
      findings.found(
        "I4",
        `${record.sn}: ${record.quantity} here, there ${there.has(record.sn) ? text(there.get(record.sn)!) : "nothing"}`,
      );
    }
    add(sumOurs, `${record.instance} ${compact(record.hour)}`, units(record.quantity));
    add(dayOurs, `${record.account} ${Math.floor(record.begin / DAY_MS)}`, units(record.quantity));
  }
  compare("I4", sumOurs, sumTheirs, findings);
  compare("I19", dayOurs, dayTheirs, findings);
}

function compare(
  id: string,
  ours: Map<string, bigint>,
  theirs: Map<string, bigint>,
  findings: Findings,
): void {
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const [here, there] = [ours.get(key) ?? 0n, theirs.get(key) ?? 0n];
    if (here !== there) findings.found(id, `${key}: ${text(here)} here, ${text(there)} there`);
  }
}

/** Billed requires a line of a statement; nothing may stay unsettled once the system is at rest. */
async function auditStates(db: pg.Client, records: readonly RecordRow[], findings: Findings): Promise<void> {
  const { rows } = await db.query<{ sn: string }>(
    "SELECT DISTINCT sn FROM statement_lines WHERE state = 'billed'",
  );
  const stated = new Set(rows.map(({ sn }) => sn));
  const settled = new Set(["billed", "replaced"]);
  for (const { sn, state } of records) {
    if (state === "billed" && !stated.has(sn))
      findings.found("I13", `${sn} is billed and no statement shows it`);
    if (!settled.has(state)) findings.found("I13", `${sn} came to rest as ${state}`);
  }
}
