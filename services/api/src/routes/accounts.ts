import { API } from "@quarterpast/contract";
import { lastProbe, listAccounts, readBacklog } from "@quarterpast/store";
import { isoOrNull } from "../present.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";
import { mayBeSeen } from "../visible.js";

/** `GET /v1/accounts`: the accounts that the key may see, with their present state. */
export function addAccounts(routes: Routes, { pool, accounts }: RouteDeps): void {
  serve(routes, API.listAccounts, async ({ apiKey }) => {
    const known = new Set(accounts.map(({ account }) => account.code));
    const stored = (await listAccounts(pool)).filter(
      ({ code }) => known.has(code) && mayBeSeen(apiKey, code),
    );
    const items = await Promise.all(
      stored.map(async ({ accountNo, code, marketplace, site, address, haltedCode, haltedAt }) => {
        const probe = await lastProbe(pool, accountNo);
        return {
          account: code,
          ...{ marketplace, site, address, haltedCode },
          haltedSince: isoOrNull(haltedAt),
          probedAt: isoOrNull(probe?.probedAt ?? null),
          reachable: probe?.reachable ?? null,
          key: probe?.key ?? null,
          owed: (await readBacklog(pool, accountNo)).records,
        };
      }),
    );
    return { items, next: null };
  });
}
