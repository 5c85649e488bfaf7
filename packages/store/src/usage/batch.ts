import { SHARDS, type Micros } from "@quarterpast/domain";
import type pg from "pg";
import { transact, type Pool } from "../db/database.js";
import { SHARD_LOCK } from "./hourUsage.js";

/** What opening a batch's transaction reads, in one round trip. */
export interface BatchOpening {
  /**
   * Per shard, the hour before which everything is sealed; until the transaction ends no sealer can seal another one.
   */
  openHours: ReadonlyMap<number, Micros>;
  /** Subjects whose lives changed since the given horizon, or slightly before. */
  changes: readonly { subject: string }[];
  /** All changes of transactions before this one have been seen: the horizon for the next batch. */
  horizon: bigint;
}

/**
 * Each statement has its own snapshot: the hours are read after the locks are taken (SPEC 4), the changes after the
 * horizon.
 */
const openingOf = (horizon: bigint): string => `BEGIN;
  SELECT ${Array.from({ length: SHARDS }, (_, shard) => `pg_advisory_xact_lock_shared(${SHARD_LOCK}, ${shard})`).join(", ")};
  SELECT shard, sealed_before AS "sealedBefore" FROM shards;
  SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon;
  SELECT DISTINCT subject FROM binding_changes WHERE xid >= '${horizon}'::xid8`;

/**
 * Runs `work` in one transaction that holds the locks of all shards shared, taken in ascending order.
 * @param horizon from the last opening; 0 asks for all changes still stored.
 */
export function inBatch<T>(
  pool: Pool,
  horizon: bigint,
  work: (client: pg.PoolClient, opening: BatchOpening) => Promise<T>,
): Promise<T> {
  return transact(pool, async (client) => {
    const replies = (await client.query(openingOf(horizon))) as unknown as pg.QueryResult[];
    const [, , hours, snapshot, changes] = replies as [unknown, unknown, ...pg.QueryResult[]];
    const rows = hours!.rows as { shard: number; sealedBefore: Micros }[];
    return work(client, {
      openHours: new Map(rows.map(({ shard, sealedBefore }) => [shard, sealedBefore])),
      changes: changes!.rows as BatchOpening["changes"],
      horizon: BigInt((snapshot!.rows[0] as { horizon: string }).horizon),
    });
  });
}
