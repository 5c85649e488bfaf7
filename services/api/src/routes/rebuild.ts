import { listFrozenHours, rebuildHour, type Pool } from "@quarterpast/store";
import { z } from "zod";
import { iso } from "../present.js";
import { hourStart } from "../proofFields.js";
import type { RouteDeps } from "../server.js";
import { streamOf } from "../stream.js";
import type { Routes } from "../validate.js";

const span = z.strictObject({ from: hourStart(), to: hourStart() });

/** `GET /v1/rebuild`: each sealed hour of a span computed again from its events, a JSON line an hour as it is done. */
export function addRebuild(routes: Routes, { pool, account }: RouteDeps): void {
  routes.get("/rebuild", { schema: { querystring: span } }, async ({ query }, reply) =>
    reply.type("application/x-ndjson").send(streamOf(hourLines(pool, account.accountNo, query))),
  );
}

async function* hourLines(
  pool: Pool,
  accountNo: number,
  { from, to }: z.output<typeof span>,
): AsyncGenerator<string[]> {
  for (const hour of await listFrozenHours(pool, from, to)) {
    const { differences, ...rebuilt } = await rebuildHour(pool, accountNo, hour);
    const told = differences.map((one) => ({ ...one, origin: one.origin === null ? null : iso(one.origin) }));
    yield [JSON.stringify({ ...rebuilt, hour: iso(hour), differences: told })];
  }
}
