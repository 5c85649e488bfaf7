import type { Micros } from "@quarterpast/domain";
import { writeAudit, type Actor } from "../catalog/audit.js";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";

/** How to read an exported file, saved under a name; the importer defines the content. */
export interface SavedProfile<P = Record<string, unknown>> {
  name: string;
  profile: P;
}

/** Saves a profile under its name, replacing an existing one. */
export async function saveProfile(
  pool: Pool,
  actor: Actor,
  { name, profile }: SavedProfile,
  now: Micros,
): Promise<void> {
  await inTransaction(pool, async (db) => {
    const before = await findProfile(db, actor.accountNo, name);
    await db.query(
      `INSERT INTO import_profiles (account_no, name, profile, saved_at)
       VALUES ($1::smallint, $2::text, $3::jsonb, $4::timestamptz)
       ON CONFLICT (account_no, name) DO UPDATE SET profile = excluded.profile, saved_at = excluded.saved_at`,
      [actor.accountNo, name, JSON.stringify(profile), stamp(now)],
    );
    await writeAudit(db, actor, { act: "profiles.save", ref: name, before, after: profile }, now);
  });
}

/** The saved profile with that name; undefined if there is none. */
export async function findProfile<P>(db: Db, accountNo: number, name: string): Promise<P | undefined> {
  const { rows } = await db.query<{ profile: P }>(
    "SELECT profile FROM import_profiles WHERE account_no = $1::smallint AND name = $2::text",
    [accountNo, name],
  );
  return rows[0]?.profile;
}

/** All profiles, by name. */
export async function listProfiles<P = Record<string, unknown>>(
  db: Db,
  accountNo: number,
): Promise<SavedProfile<P>[]> {
  const { rows } = await db.query<SavedProfile<P>>(
    "SELECT name, profile FROM import_profiles WHERE account_no = $1::smallint ORDER BY name",
    [accountNo],
  );
  return rows;
}
