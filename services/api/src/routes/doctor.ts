import { API } from "@quarterpast/contract";
import { examine } from "../doctor/examine.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";

/** `GET /v1/doctor`: whether all is well, and what to do if not. */
export function addDoctor(routes: Routes, deps: RouteDeps): void {
  serve(routes, API.examine, async () => {
    const checks = await examine(deps);
    return { ok: checks.every((check) => check.ok), checks };
  });
}
