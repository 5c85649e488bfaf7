import type { Micros } from "@quarterpast/domain";
import { ensureSources } from "./events.js";
import { stamp, type Db } from "../db/database.js";

/** A source from which something must be heard in every hour since. */
export interface ExpectedSource {
  source: string;
  /** Empty: any meter will do. */
  meter: string;
  since: Micros;
}

/** From `since` on the source must be heard in every hour; said again it changes nothing. */
export async function expectSource(db: Db, accountNo: number, expected: ExpectedSource): Promise<void> {
  const numbers = await ensureSources(db, accountNo, [expected.source]);
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

/** The sources of an account, heard or only expected, with the last hour each was heard in. */
export async function listSources(db: Db, accountNo: number): Promise<KnownSource[]> {
  const { rows } = await db.query<{
    source: string;
    meter: string | null;
    since: Micros | null;
    lastHeard: Micros | null;
  }>(
    `SELECT s.source, x.meter, x.since, (SELECT max(hour) FROM heard h WHERE h.source_no = s.source_no) AS "lastHeard"
     FROM sources s LEFT JOIN expected_sources x USING (source_no) WHERE s.account_no = $1::smallint ORDER BY s.source, x.meter`,
    [accountNo],
  );
  const known = new Map<string, KnownSource>();
  for (const { source, meter, since, lastHeard } of rows) {
    const entry = known.get(source) ?? { source, expected: [], lastHeard };
    if (meter !== null && since !== null) entry.expected.push({ meter, since });
    known.set(source, entry);
  }
  return [...known.values()];
}

/** Expected sources of which nothing came in an hour. */
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
