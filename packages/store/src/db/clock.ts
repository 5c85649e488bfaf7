import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "./database.js";

/** The row that defines product time for all processes (SPEC 11), with the database's own real time. */
export interface ClockAnchor {
  realAnchor: Micros;
  productAnchor: Micros;
  /** Product seconds per real second; 0 stops the clock. */
  rate: number;
  serverNow: Micros;
  /** The last product time known to have been shown. */
  beatProduct: Micros;
}

/** Reads the clock row; undefined before the first start. */
export async function readClock(db: Db): Promise<ClockAnchor | undefined> {
  const { rows } = await db.query<ClockAnchor>(
    `SELECT real_anchor AS "realAnchor", product_anchor AS "productAnchor", rate::float8 AS rate,
       clock_timestamp() AS "serverNow", beat_product AS "beatProduct" FROM clock`,
  );
  return rows[0];
}

/**
 * Sets the anchors: from `realAnchor` on, product time runs from `productAnchor` at `rate`.
 * @throws RangeError if that is before a product time already shown: the clock never goes back.
 */
export async function setClock(
  db: Db,
  anchor: Pick<ClockAnchor, "realAnchor" | "productAnchor" | "rate">,
): Promise<void> {
  const { rowCount } = await db.query(
    `INSERT INTO clock (real_anchor, product_anchor, rate, beat_product)
     VALUES ($1::timestamptz, $2::timestamptz, $3::numeric, $2::timestamptz)
     ON CONFLICT (only_row) DO UPDATE SET real_anchor = excluded.real_anchor, rate = excluded.rate,
       product_anchor = excluded.product_anchor, beat_product = excluded.beat_product
     WHERE excluded.product_anchor >= clock.beat_product`,
    [stamp(anchor.realAnchor), stamp(anchor.productAnchor), anchor.rate],
  );
  if (rowCount !== 1)
    throw new RangeError(`${stamp(anchor.productAnchor)} is before what product time has reached`);
}

/** Records how far product time has got, so that a restart does not go back behind it. */
export async function beatClock(db: Db, product: Micros): Promise<void> {
  await db.query("UPDATE clock SET beat_product = greatest(beat_product, $1::timestamptz)", [stamp(product)]);
}
