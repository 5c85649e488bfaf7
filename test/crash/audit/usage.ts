import type pg from "pg";
import { auditCorrections, type Correcting, type Target } from "./corrections.js";
import { add, text, units } from "./decimal.js";
import type { Findings } from "./findings.js";
import { show, type Sent, type Truth } from "./input.js";
import {
  readEvents,
  readInstances,
  readSealed,
  readWaiting,
  type EventRow,
  type Instance,
} from "./ledger.js";

const HOUR_MS = 3_600_000;

/** The usage of an instance and hour, recomputed from what was sent. */
export interface Recount {
  aggregation: string;
  sum: bigint;
  events: number;
  most: bigint;
  values: Set<string>;
}

/** I1, I2, I10, I11, I15: counts every acknowledged event once, and recomputes every sum from what was sent. */
export async function auditUsage(db: pg.Client, truth: Truth, findings: Findings): Promise<void> {
  const instances = await readInstances(db);
  const waiting = await readWaiting(db);
  const sealed = await readSealed(db);
  const seen = new Set<string>();
  const byOrigin = new Map<string, Recount>();
  const byBill = new Map<string, { sum: bigint; events: number }>();
  const targets = targetsOf(truth);
  const correcting: Correcting[] = [];
  for await (const row of readEvents(db)) {
    const identity = `${row.source}\0${row.key}`;
    if (seen.has(identity)) {
      findings.doubled += 1;
      findings.found("I1", `${show(identity)} is there twice`);
      continue;
    }
    seen.add(identity);
    const sent = truth
      .get(identity)
      ?.find((payload) =>
        payload.corrects && row.instance !== null ? isCorrection(payload, row) : isSame(payload, row),
      );
    if (!sent) {
      findings.found("I1", `${show(identity)} was never sent like this: ${JSON.stringify(row)}`);
      continue;
    }
    if (sent.corrects) {
      correcting.push({ identity, sent, row, waits: waiting.has(identity) });
      continue;
    }
    const life = instances.find((one) => lived(one, sent));
    if (row.instance === null) {
      if (!waiting.has(identity))
        findings.found("I1", `${show(identity)} is neither counted nor in quarantine`);
      if (life) findings.found("I2", `${show(identity)} waits although its instance ${life.no} is there`);
      continue;
    }
    if (life?.no !== row.instance)
      findings.found("I2", `${show(identity)} counts for instance ${row.instance}, not ${life?.no}`);
    const counted = instances.find(({ no }) => no === row.instance);
    if (!counted) continue;
    const usage = counted.aggregation === "count" ? units("1") : units(sent.quantity ?? "0");
    recount(byOrigin, byBill, counted, sent, row.bill!, usage);
    judgeHour(findings, identity, sent.timeMs, row.bill!, sealed);
    if (targets.has(identity))
      targets.set(identity, { instance: counted, sent, originMs: sent.timeMs, current: usage });
  }
  for (const { target, delta, bill, identity } of await auditCorrections(db, correcting, targets, findings)) {
    recount(byOrigin, byBill, target.instance, { timeMs: target.originMs, value: null }, bill, delta);
    judgeHour(findings, identity, target.originMs, bill, sealed);
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
  sent: Pick<Sent, "timeMs" | "value">,
  bill: number,
  quantity: bigint,
): void {
  const originHour = Math.floor(sent.timeMs / HOUR_MS) * HOUR_MS;
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

/** Late usage rolls forward, but only if its own hour was sealed. */
function judgeHour(
  findings: Findings,
  identity: string,
  timeMs: number,
  bill: number,
  sealedBefore: number,
): void {
  const origin = Math.floor(timeMs / HOUR_MS) * HOUR_MS;
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
    // All but the first one, which won.
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

/** For a counted correction the ledger stores the difference, at the time of the mistaken usage. */
function isCorrection(sent: Sent, row: EventRow): boolean {
  return row.value === null && sent.corrects !== undefined;
}

/** The identities that some event corrects; the quantities they count for are filled in as they are read. */
function targetsOf(truth: Truth): Map<string, Target | undefined> {
  const found = new Map<string, Target | undefined>();
  for (const payloads of truth.values())
    for (const { corrects } of payloads) if (corrects) found.set(corrects.identity, undefined);
  return found;
}

function lived({ subject, meter, opened, closed }: Instance, sent: Sent): boolean {
  return (
    subject === sent.subject &&
    meter === sent.meter &&
    opened <= sent.timeMs &&
    (closed === null || sent.timeMs < closed)
  );
}
