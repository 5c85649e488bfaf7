import { API } from "@quarterpast/contract";
import { deadlinesOf, HOUR } from "@quarterpast/domain";
import { listHours } from "@quarterpast/store";
import { hourToApi, iso, page } from "../present.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";

/** `GET /v1/hours`: the newest hours first, each with the end of its countdown; `next` is the value for `before`. */
export function addHours(routes: Routes, { pool, clock, profile, account }: RouteDeps): void {
  serve(routes, API.listHours, async ({ query: { before, limit: most } }) => {
    const now = clock.now();
    // Events may be a little in the future, so their hour is shown too.
    const read = await listHours(pool, [account.accountNo], before ?? now + 2 * HOUR, most + 1);
    const windowOf = (hour: number) =>
      deadlinesOf(profile.windows, { cycle: "hourly", hour, begin: hour }).windowEnds;
    const hours = page(
      read,
      most,
      (one) => hourToApi(one, windowOf(one.hour)),
      (one) => iso(one.hour),
    );
    return { now: iso(now), ...hours };
  });
}
