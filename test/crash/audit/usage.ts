import type pg from "pg";
import { add, text, units } from "./decimal.js";
import type { Findings } from "./findings.js";
import type { Sent, Truth } from "./input.js";

const HOUR_MS = 3_600_000;

interface Instance {
  no: number;
  subject: string;
  meter: string;
  aggregation: string;
  opened: number;
  closed: number | null;
}

interface EventRow {
  source: string;
  key: string;
  instance: number | null;
  occurred: number;
  bill: number | null;
  quantity: string | null;
  value: string | null;
}

const PAGE = 50_000;

/** Pages through the events: a long run has millions. */
async function* readEvents(db: pg.Client): AsyncGenerator<EventRow> {
  await db.query("BEGIN");
  await db.query(
    `DECLARE all_events CURSOR FOR SELECT s.source, e.key::text AS key, e.instance_no AS instance,
       (extract(epoch FROM e.occurred) * 1000)::float8 AS occurred, (extract(epoch FROM e.bill_hour) * 1000)::float8 AS bill,
       e.quantity::text AS quantity, e.value FROM events e JOIN sources s USING (source_no)`,
  );
  for (;;) {
    const { rows } = await db.query<EventRow>(`FETCH ${PAGE} FROM all_events`);
    if (rows.length === 0) break;
    yield* rows;
  }
  await db.query("COMMIT");
}

interface Recount {
  aggregation: string;
  sum: bigint;
  events: number;
  most: bigint;
  values: Set<string>;
}

/** I1, I2, I10, I11, I15: every acknowledged event once, and every sum made again from what was sent. */
export async function auditUsage(db: pg.Client, truth: Truth, findings: Findings): Promise<void> {
  const instances = await readInstances(db);
  const waiting = await readWaiting(db);
  const sealed = await readSealed(db);
  const seen = new Set<string>();
  const byOrigin = new Map<string, Recount>();
  const byBill = new Map<string, { sum: bigint; events: number }>();
  const quarantined = new Set<string>();
  for await (const row of readEvents(db)) {
    const identity = `${row.source}\0${row.key}`;
    if (seen.has(identity)) {
      findings.doubled += 1;
      findings.found("I1", `${show(identity)} is there twice`);
      continue;
    }
    seen.add(identity);
    const sent = truth.get(identity)?.find((payload) => isSame(payload, row));
    if (!sent) {
      findings.found("I1", `${show(identity)} was never sent like this: ${JSON.stringify(row)}`);
      continue;
    }
    const life = instances.find((one) => lived(one, sent));
    if (row.instance === null) {
      quarantined.add(identity);
      if (!waiting.has(identity))
        findings.found("I1", `${show(identity)} is neither counted nor in quarantine`);
      if (life) findings.found("I2", `${show(identity)} waits although its instance ${life.no} is there`);
      continue;
    }
    if (life?.no !== row.instance)
      findings.found("I2", `${show(identity)} counts for instance ${row.instance}, not ${life?.no}`);
    const counted = instances.find(({ no }) => no === row.instance);
    if (!counted) continue;
    recount(byOrigin, byBill, counted, sent, row.bill!);
    judgeHour(findings, identity, sent, row.bill!, sealed);
  }
  for (const [identity, payloads] of truth) {
    if (seen.has(identity) || !payloads.some(({ acked }) => acked)) continue;
    findings.lost += 1;
    findings.found("I1", `${show(identity)} was acknowledged and is nowhere`);
  }
  await compareHours(db, byOrigin, byBill, findings);
  await auditConflicts(db, truth, findings);
}

function recount(
  byOrigin: Map<string, Recount>,
  byBill: Map<string, { sum: bigint; events: number }>,
  { no, aggregation }: Instance,
  sent: Sent,
  bill: number,
): void {
  const originHour = Math.floor(sent.timeMs / HOUR_MS) * HOUR_MS;
  const quantity = aggregation === "count" ? units("1") : units(sent.quantity ?? "0");
  const key = `${no} ${originHour}`;
  const origin = byOrigin.get(key) ?? {
    aggregation,
    sum: 0n,
    events: 0,
    most: 0n,
    values: new Set<string>(),
  };
  byOrigin.set(key, origin);
  origin.sum += quantity;
  origin.events += 1;
  if (quantity > origin.most) origin.most = quantity;
  if (aggregation === "unique") origin.values.add(sent.value!);
  const cell = byBill.get(`${no} ${bill} ${originHour}`) ?? { sum: 0n, events: 0 };
  byBill.set(`${no} ${bill} ${originHour}`, { sum: cell.sum + quantity, events: cell.events + 1 });
}

/** Late usage rolls forward, and only where its own hour was sealed. */
function judgeHour(
  findings: Findings,
  identity: string,
  sent: Sent,
  bill: number,
  sealedBefore: number,
): void {
  const origin = Math.floor(sent.timeMs / HOUR_MS) * HOUR_MS;
  if (bill < origin) findings.found("I10", `${show(identity)} is billed before its hour`);
  if (bill > origin && origin >= sealedBefore)
    findings.found("I10", `${show(identity)} rolled forward from an open hour`);
}

async function compareHours(
  db: pg.Client,
  byOrigin: Map<string, Recount>,
  byBill: Map<string, { sum: bigint; events: number }>,
  findings: Findings,
): Promise<void> {
  const { rows } = await db.query<{
    no: number;
    bill: number;
    origin: number;
    quantity: string;
    events: string;
    aggregation: string;
  }>(
    `SELECT u.instance_no AS no, (extract(epoch FROM bill_hour) * 1000)::float8 AS bill,
       (extract(epoch FROM origin_hour) * 1000)::float8 AS origin, u.quantity::text, u.events::text, m.aggregation
     FROM hour_usage u JOIN instances USING (instance_no) JOIN meters m USING (meter_no)`,
  );
  const totals = new Map<string, bigint>();
  for (const { no, bill, origin, quantity, events, aggregation } of rows) {
    add(totals, `${no} ${origin}`, units(quantity));
    const cell = byBill.get(`${no} ${bill} ${origin}`) ?? { sum: 0n, events: 0 };
    byBill.delete(`${no} ${bill} ${origin}`);
    const where = `instance ${no}, hour ${new Date(bill).toISOString()} from ${new Date(origin).toISOString()}`;
    if (Number(events) !== cell.events)
      findings.found("I11", `${where}: ${events} events, sent ${cell.events}`);
    const isAdded = aggregation === "sum" || aggregation === "count";
    if (isAdded && units(quantity) !== cell.sum)
      findings.found("I11", `${where}: ${quantity}, sent ${text(cell.sum)}`);
  }
  for (const key of byBill.keys()) findings.found("I11", `nothing is summed for ${key}`);
  for (const [key, origin] of byOrigin) {
    const due = dueOf(origin);
    const total = totals.get(key) ?? 0n;
    if (total === due) continue;
    if (total > due) findings.doubled += 1;
    else findings.lost += 1;
    findings.found(
      "I2",
      `instance and origin hour ${key} (${origin.aggregation}): summed ${text(total)}, sent ${text(due)}`,
    );
  }
}

function dueOf({ aggregation, sum, most, values }: Recount): bigint {
  if (aggregation === "max") return most;
  return aggregation === "unique" ? units(String(values.size)) : sum;
}

async function auditConflicts(db: pg.Client, truth: Truth, findings: Findings): Promise<void> {
  const { rows } = await db.query<EventRow & { subject: string; meter: string }>(
    `SELECT s.source, c.key::text AS key, c.subject, c.meter, (extract(epoch FROM c.occurred) * 1000)::float8 AS occurred,
       c.quantity::text AS quantity, c.value FROM conflicts c JOIN sources s USING (source_no)`,
  );
  const listed = new Map<string, EventRow[]>();
  for (const row of rows) {
    const identity = `${row.source}\0${row.key}`;
    listed.set(identity, [...(listed.get(identity) ?? []), row]);
    if (!truth.get(identity)?.some((payload) => isSame(payload, row)))
      findings.found("I15", `${show(identity)}: a conflict that nobody sent`);
  }
  for (const [identity, payloads] of truth) {
    const acked = payloads.filter((payload) => payload.acked);
    if (acked.length < 2) continue;
    const known = listed.get(identity) ?? [];
    const unlisted = acked.filter((payload) => !known.some((row) => isSame(payload, row)));
    // All but the one that came first, and won.
    if (unlisted.length > 1)
      findings.found(
        "I15",
        `${show(identity)}: ${acked.length} payloads acknowledged, ${known.length} conflicts listed`,
      );
  }
}

function isSame(sent: Sent, row: Pick<EventRow, "occurred" | "quantity" | "value">): boolean {
  const isQuantity =
    sent.quantity === null || row.quantity === null
      ? sent.quantity === row.quantity
      : units(sent.quantity) === units(row.quantity);
  return isQuantity && sent.value === row.value && sent.timeMs === row.occurred;
}

function lived({ subject, meter, opened, closed }: Instance, sent: Sent): boolean {
  return (
    subject === sent.subject &&
    meter === sent.meter &&
    opened <= sent.timeMs &&
    (closed === null || sent.timeMs < closed)
  );
}

async function readInstances(db: pg.Client): Promise<Instance[]> {
  const { rows } = await db.query<Instance>(
    `SELECT instance_no AS no, subject, m.code AS meter, m.aggregation, (extract(epoch FROM opened) * 1000)::float8 AS opened,
       (extract(epoch FROM closed) * 1000)::float8 AS closed FROM instances JOIN meters m USING (meter_no)`,
  );
  return rows;
}

async function readWaiting(db: pg.Client): Promise<Set<string>> {
  const { rows } = await db.query<{ source: string; key: string }>(
    "SELECT s.source, q.key::text AS key FROM quarantine q JOIN sources s USING (source_no) WHERE released_at IS NULL",
  );
  return new Set(rows.map(({ source, key }) => `${source}\0${key}`));
}

async function readSealed(db: pg.Client): Promise<number> {
  const { rows } = await db.query<{ at: number }>(
    "SELECT (extract(epoch FROM max(sealed_before)) * 1000)::float8 AS at FROM shards",
  );
  return rows[0]!.at;
}

function show(identity: string): string {
  return identity.replace("\0", " ");
}
