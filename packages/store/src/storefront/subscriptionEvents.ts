import type { LifeEventKind, Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { jsonb } from "../db/json.js";

/**
 * Records an event of a subscription; one that names an order is recorded once per order.
 * @returns whether it is new.
 */
export async function addLifeEvent(
  db: Db,
  event: { subscriptionNo: number; kind: LifeEventKind; orderRef?: string; detail?: object },
  now: Micros,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO subscription_events (subscription_no, kind, order_ref, detail, at)
     VALUES ($1::bigint, $2::text, $3::text, $4::jsonb, $5::timestamptz) ON CONFLICT DO NOTHING`,
    [event.subscriptionNo, event.kind, event.orderRef ?? "", jsonb(event.detail ?? {}), stamp(now)],
  );
  return rowCount === 1;
}

export interface LifeEvent {
  kind: LifeEventKind;
  orderRef: string;
  detail: Record<string, unknown>;
  at: Micros;
}

/** All events of a subscription, in order. */
export async function listLifeEvents(db: Db, subscriptionNo: number): Promise<LifeEvent[]> {
  const { rows } = await db.query<LifeEvent>(
    `SELECT kind, order_ref AS "orderRef", detail, at FROM subscription_events
     WHERE subscription_no = $1::bigint ORDER BY event_id`,
    [subscriptionNo],
  );
  return rows;
}
