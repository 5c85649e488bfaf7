import type { Micros } from "@quarterpast/domain";
import { copyInto } from "../db/copy.js";
import { stamp, type Db, type PoolClient } from "../db/database.js";

/** Appends to the residue ledger: what each instance carries out of the hour. */
export async function insertResidues(
  client: PoolClient,
  hour: Micros,
  rows: readonly { instanceNo: number; residue: string }[],
): Promise<void> {
  const at = stamp(hour);
  await copyInto(
    client,
    "residues (instance_no, hour, residue)",
    rows.map(({ instanceNo, residue }) => `${instanceNo}\t${at}\t${residue}`),
  );
}

/** Records usage for which no interval is left, so that finance sees it. */
export async function insertUnbillable(
  db: Db,
  hour: Micros,
  rows: readonly { instanceNo: number; quantity: string; reason: string }[],
): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO unbillable (instance_no, hour, quantity, reason)
     SELECT t.instance_no, $1::timestamptz, t.quantity, t.reason
     FROM unnest($2::integer[], $3::numeric[], $4::text[]) AS t (instance_no, quantity, reason)`,
    [
      stamp(hour),
      rows.map((row) => row.instanceNo),
      rows.map((row) => row.quantity),
      rows.map((row) => row.reason),
    ],
  );
}

/** Restores what instances carried out of an hour, and what could not be billed. */
export async function restoreLeftovers(
  db: Db,
  accountNo: number,
  hour: Micros,
  residues: readonly { instance: string; residue: string }[],
  unbillable: readonly { instance: string; quantity: string; reason: string }[],
): Promise<void> {
  await db.query(
    `INSERT INTO residues (instance_no, hour, residue)
     SELECT i.instance_no, $2::timestamptz, t.residue FROM unnest($3::text[], $4::numeric[]) AS t (instance, residue)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance ON CONFLICT DO NOTHING`,
    [
      accountNo,
      stamp(hour),
      residues.map(({ instance }) => instance),
      residues.map(({ residue }) => residue),
    ],
  );
  await db.query(
    `INSERT INTO unbillable (instance_no, hour, quantity, reason)
     SELECT i.instance_no, $2::timestamptz, t.quantity, t.reason
     FROM unnest($3::text[], $4::numeric[], $5::text[]) AS t (instance, quantity, reason)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance ON CONFLICT DO NOTHING`,
    [
      accountNo,
      stamp(hour),
      unbillable.map(({ instance }) => instance),
      unbillable.map(({ quantity }) => quantity),
      unbillable.map(({ reason }) => reason),
    ],
  );
}
