import type { Micros } from "@quarterpast/domain";
import { keepProduct, type AddedProduct, type Product } from "../catalog/products.js";
import { inTransaction, type Pool } from "../db/database.js";
import { wakeWaiting } from "./subscriptions.js";

/** Adds a product as {@link keepProduct} does. Subscriptions that waited for it are retried immediately. */
export async function addProduct(
  pool: Pool,
  accountNo: number,
  product: Product,
  now: Micros,
): Promise<AddedProduct> {
  return inTransaction(pool, async (db) => {
    const added = await keepProduct(db, accountNo, product, now);
    if (added.outcome === "created") await wakeWaiting(db, accountNo, product.productId);
    return added;
  });
}
