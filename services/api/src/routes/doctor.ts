import { examine } from "../doctor/examine.js";
import type { RouteDeps } from "../server.js";
import type { Routes } from "../validate.js";

/** `GET /v1/doctor`: is all well, and what to do where it is not. */
export function addDoctor(routes: Routes, deps: RouteDeps): void {
  routes.get("/doctor", async () => {
    const checks = await examine(deps);
    return { ok: checks.every((check) => check.ok), checks };
  });
}
