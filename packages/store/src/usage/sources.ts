import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/**
 * Numbers of the given sources, creating new ones. Outside the batch's transaction, because a number is never taken
 * back. Only missing ones are inserted, because each try uses up a number.
 */
export async function ensureSources(db: Db, sources: readonly string[]): Promise<Map<string, number>> {
  const known = await findSources(db, sources);
  const missing = sources.filter((source) => !known.has(source)).sort();
  if (missing.length === 0) return known;
  await db.query("INSERT INTO sources (source) SELECT unnest($1::text[]) ON CONFLICT (source) DO NOTHING", [
    missing,
  ]);
  return findSources(db, sources);
}

async function findSources(db: Db, sources: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await db.query<{ source: string; no: number }>(
    "SELECT source, source_no AS no FROM sources WHERE source = ANY ($1::text[])",
    [sources],
  );
  return new Map(rows.map(({ source, no }) => [source, no]));
}

/** A source that must be heard in every hour since. */
export interface ExpectedSource {
  source: string;
  /** Empty: any meter counts. */
  meter: string;
  since: Micros;
}

/** From `since` on the source must be heard in every hour; repeating this changes nothing. */
export async function expectSource(db: Db, expected: ExpectedSource): Promise<void> {
  const numbers = await ensureSources(db, [expected.source]);
  await db.query(
    `INSERT INTO expected_sources (source_no, meter, since) VALUES ($1::integer, $2::text, $3::timestamptz)
     ON CONFLICT (source_no, meter) DO NOTHING`,
    [numbers.get(expected.source), expected.meter, stamp(expected.since)],
  );
}

export interface KnownSource {
  source: string;
  expected: { meter: string; since: Micros }[];
  lastHeard: Micros | null;
}

/** The sources of the seller, heard or only expected, with the last hour in which each was heard. */
export async function listSources(db: Db): Promise<KnownSource[]> {
  const { rows } = await db.query<{
    source: string;
    meter: string | null;
    since: Micros | null;
    lastHeard: Micros | null;
  }>(
    `SELECT s.source, x.meter, x.since, (SELECT max(hour) FROM heard h WHERE h.source_no = s.source_no) AS "lastHeard"
     FROM sources s LEFT JOIN expected_sources x USING (source_no) ORDER BY s.source, x.meter`,
  );
  const known = new Map<string, KnownSource>();
  for (const { source, meter, since, lastHeard } of rows) {
    const entry = known.get(source) ?? { source, expected: [], lastHeard };
    if (meter !== null && since !== null) entry.expected.push({ meter, since });
    known.set(source, entry);
  }
  return [...known.values()];
}

/** Expected sources that were not heard in an hour. */
export async function silentSources(db: Db, hour: Micros): Promise<string[]> {
  const { rows } = await db.query<{ source: string; meter: string }>(
    `SELECT s.source, x.meter FROM expected_sources x JOIN sources s USING (source_no)
     WHERE x.since < $1::timestamptz + interval '1 hour' AND NOT EXISTS (
       SELECT 1 FROM heard h WHERE h.source_no = x.source_no AND h.hour = $1::timestamptz AND x.meter IN ('', h.meter))
     ORDER BY s.source, x.meter`,
    [stamp(hour)],
  );
  return rows.map(({ source, meter }) => (meter === "" ? source : `${source} (${meter})`));
}
