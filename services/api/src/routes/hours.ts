import { API } from "@quarterpast/contract";
import { deadlinesOf, HOUR } from "@quarterpast/domain";
import { listHours } from "@quarterpast/store";
import type { ApiAccount, RouteDeps } from "../deps.js";
import { hourToApi, iso } from "../present.js";
import { serveMerged, type Routes } from "../serve.js";

/**
 * `GET /v1/hours`: the newest hours first, each with its countdown's end by account; `next` goes into `before`. Hours are
 * the seller's: `limit` counts hours, each with all its accounts.
 */
export function addHours(routes: Routes, { pool, clock, profile, account }: RouteDeps): void {
  const own: ApiAccount = { profile, account };
  serveMerged(routes, API.listHours, own, async (parts, { query: { before, limit } }) => {
    const now = clock.now();
    // Events may lie a little in the future: their hour is shown too.
    const until = before ?? now + 2 * HOUR;
    const read = await Promise.all(
      parts.map(async ({ own: one }) =>
        (await listHours(pool, [one.account.accountNo], until, limit + 1)).map((hour) => ({ one, hour })),
      ),
    );
    const rows = read.flat().toSorted((a, b) => b.hour.hour - a.hour.hour);
    const hours = [...new Set(rows.map(({ hour }) => hour.hour))];
    const last = hours[limit - 1];
    const shown = last === undefined ? rows : rows.filter(({ hour }) => hour.hour >= last);
    const items = shown.map(({ one, hour }) => hourToApi(hour, one.account.code, windowOf(one, hour.hour)));
    return { now: iso(now), items, next: last !== undefined && hours.length > limit ? iso(last) : null };
  });
}

const windowOf = ({ profile, account: { dayOffset } }: ApiAccount, hour: number) =>
  deadlinesOf(profile.windows, { dayOffset, cycle: "hourly", hour, begin: hour }).windowEnds;
