import type { Db } from "../db/database.js";

/** Removes old changes; aggregators poll for changes far more often than daily. */
export async function thinBindingChanges(db: Db, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM binding_changes WHERE ctid = ANY (ARRAY(SELECT ctid FROM binding_changes
       WHERE changed_at < clock_timestamp() - interval '1 day' LIMIT $1::integer))`,
    [limit],
  );
  return rowCount ?? 0;
}
