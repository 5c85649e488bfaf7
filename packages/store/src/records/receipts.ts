import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** Stores the marketplace's names for records that it took; the first name stays. */
export async function insertReceipts(
  db: Db,
  receipts: readonly { serialNumber: string; receipt: string }[],
  at: Micros,
): Promise<void> {
  if (receipts.length === 0) return;
  await db.query(
    `INSERT INTO record_receipts (sn, receipt, at)
     SELECT t.sn, t.receipt, $3::timestamptz FROM unnest($1::text[], $2::text[]) AS t (sn, receipt)
     ON CONFLICT (sn) DO NOTHING`,
    [receipts.map(({ serialNumber }) => serialNumber), receipts.map(({ receipt }) => receipt), stamp(at)],
  );
}
