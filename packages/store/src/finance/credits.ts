import type { Micros } from "@quarterpast/domain";
import type { Db } from "../db/database.js";

/** An instance that was billed more than it used. */
export interface Credit {
  instanceId: string;
  product: string;
  subject: string;
  meter: string;
  unit: string;
  since: Micros;
  quantity: string;
  amount: string | null;
  currency: string | null;
  /** Its life is over: there is no later usage to credit. */
  refundDue: boolean;
}

/** Credits by instance, `limit` of them after `after`; all, or those to be refunded. */
export async function listCredits(
  db: Db,
  account: string,
  { refundDue, after, limit }: { refundDue: boolean; after: string; limit: number },
): Promise<Credit[]> {
  const { rows } = await db.query<Credit>(
    `SELECT instance_id AS "instanceId", product, subject, meter, unit, since, trim_scale(quantity)::text AS quantity,
       amount::text, currency, refund_due AS "refundDue"
     FROM billing.credits WHERE account = $1::text AND (NOT $2::boolean OR refund_due) AND instance_id > $3::text
     ORDER BY instance_id LIMIT $4::integer`,
    [account, refundDue, after, limit],
  );
  return rows;
}
