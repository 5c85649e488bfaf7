import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "@quarterpast/store";

/** Codes that say "already there": filing such a record again would be wrong. */
const THERE = ["005", "010"];

/**
 * Files records again that the marketplace refused or voided, like a person at the console: after the collection,
 * when a statement has shown whether an earlier send had arrived nevertheless. If that was refused, it asks again.
 */
export function startOperator(pool: Pool): { stop(): Promise<void> } {
  let isOver = false;
  const running = (async () => {
    for (; !isOver; await sleep(700)) {
      await pool
        .query(
          `INSERT INTO rereports (sn, reason, key_id, asked_at)
           SELECT b.sn, 'refused', 'crashkey', now() FROM billing.records b
           , clock c
           WHERE b.code <> ALL ($1::text[]) AND (b.state = 'abnormal' OR (b.state IN ('rejected_fixable', 'rejected_final')
             AND b.settled_at < c.product_anchor + (now() - c.real_anchor) * c.rate::float8 - interval '40 minutes'))
             AND NOT EXISTS (SELECT 1 FROM rereports w WHERE w.sn = b.sn
               AND (w.refused IS NULL OR w.asked_at > now() - interval '10 seconds'))`,
          [THERE],
        )
        .catch(() => {});
    }
  })();
  return {
    async stop() {
      isOver = true;
      await running;
    },
  };
}
