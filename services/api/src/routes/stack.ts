import { readClock } from "@quarterpast/store";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../server.js";
import type { Routes } from "../validate.js";

/** `GET /v1/stack`: what runs where, and the product's clock. Any role. */
export function addStack(routes: Routes, { pool, clock, addresses, account, version }: RouteDeps): void {
  routes.get("/stack", async () => {
    const anchor = await readClock(pool);
    if (!anchor) throw refusal("unavailable", { en: "The clock has not been set yet", zh: "时钟尚未设置" });
    const { productAnchor, realAnchor, rate } = anchor;
    return {
      version,
      account: account.code,
      ...addresses,
      clock: { start: iso(productAnchor), at: iso(realAnchor), rate, now: iso(clock.now()) },
    };
  });
}
