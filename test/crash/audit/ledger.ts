import type pg from "pg";

/** An instance in the ledger. */
export interface Instance {
  no: number;
  subject: string;
  meter: string;
  aggregation: string;
  opened: number;
  closed: number | null;
}

/** An event in the ledger. */
export interface EventRow {
  source: string;
  key: string;
  instance: number | null;
  occurred: number;
  bill: number | null;
  quantity: string | null;
  value: string | null;
}

const PAGE = 50_000;

/** Pages through the events, because a long run has millions. */
export async function* readEvents(db: pg.Client): AsyncGenerator<EventRow> {
  await db.query("BEGIN");
  await db.query(
    `DECLARE all_events CURSOR FOR SELECT s.source, e.key::text AS key, e.instance_no AS instance,
       (extract(epoch FROM e.occurred) * 1000)::float8 AS occurred, (extract(epoch FROM COALESCE(e.bill_hour, date_trunc('hour', e.occurred, 'UTC'))) * 1000)::float8 AS bill,
       e.quantity::text AS quantity, e.value FROM events e JOIN sources s USING (source_no)`,
  );
  for (;;) {
    const { rows } = await db.query<EventRow>(`FETCH ${PAGE} FROM all_events`);
    if (rows.length === 0) break;
    yield* rows;
  }
  await db.query("COMMIT");
}

/** All instances, with their meter's aggregation. */
export async function readInstances(db: pg.Client): Promise<Instance[]> {
  const { rows } = await db.query<Instance>(
    `SELECT instance_no AS no, subject, m.code AS meter, m.aggregation, (extract(epoch FROM opened) * 1000)::float8 AS opened,
       (extract(epoch FROM closed) * 1000)::float8 AS closed FROM instances JOIN meters m USING (meter_no)`,
  );
  return rows;
}

/** Identities in quarantine that were not released. */
export async function readWaiting(db: pg.Client): Promise<Set<string>> {
  const { rows } = await db.query<{ source: string; key: string }>(
    "SELECT s.source, q.key::text AS key FROM quarantine q JOIN sources s USING (source_no) WHERE released_at IS NULL",
  );
  return new Set(rows.map(({ source, key }) => `${source}\0${key}`));
}

/** The end of the newest sealed hour, ms. */
export async function readSealed(db: pg.Client): Promise<number> {
  const { rows } = await db.query<{ at: number }>(
    "SELECT (extract(epoch FROM max(sealed_before)) * 1000)::float8 AS at FROM shards",
  );
  return rows[0]!.at;
}
