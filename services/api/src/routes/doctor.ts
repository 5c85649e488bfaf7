import { API } from "@quarterpast/contract";
import { examine } from "../doctor/examine.js";
import type { RouteDeps } from "../deps.js";
import { serveMerged, type Routes } from "../serve.js";

/** `GET /v1/doctor`: is all well with the seller and with each account that the key may see, and what to do if not. */
export function addDoctor(routes: Routes, deps: RouteDeps): void {
  serveMerged(routes, API.examine, deps, async (parts, { apiKey: { accounts: limitedTo }, query }) => {
    // Who names an account asks of that one, and of the seller.
    const seen = query.account === undefined ? limitedTo : [query.account];
    const checks = await examine(
      { ...deps, limitedTo: seen },
      parts.map(({ own }) => own),
    );
    return { ok: checks.every((check) => check.ok), checks };
  });
}
