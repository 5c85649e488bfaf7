import { API, type rebuiltHour } from "@quarterpast/contract";
import type { z } from "zod";
import type { Micros } from "@quarterpast/domain";
import { listFrozenHours, rebuildHour, type Pool } from "@quarterpast/store";
import { iso } from "../present.js";
import type { RouteDeps } from "../deps.js";
import { spanOf } from "../toldPeriod.js";
import { streamOf } from "../stream.js";
import { serve, type Routes } from "../serve.js";

/**
 * `GET /v1/rebuild`: computes each sealed hour of a span again from its events; one JSON line per hour, as it is
 * done.
 */
export function addRebuild(routes: Routes, { pool, account }: RouteDeps): void {
  serve(routes, API.rebuildHours, async ({ query }, reply) =>
    reply
      .type("application/x-ndjson")
      .code(200)
      .send(streamOf(hourLines(pool, account.accountNo, spanOf(account, query)))),
  );
}

async function* hourLines(
  pool: Pool,
  accountNo: number,
  { from, to }: { from: Micros; to: Micros },
): AsyncGenerator<string[]> {
  for (const hour of await listFrozenHours(pool, accountNo, from, to)) {
    const { differences, ...rebuilt } = await rebuildHour(pool, accountNo, hour);
    const told = differences.map((one) => ({ ...one, origin: one.origin === null ? null : iso(one.origin) }));
    const line: z.input<typeof rebuiltHour> = { ...rebuilt, hour: iso(hour), differences: told };
    yield [JSON.stringify(line)];
  }
}
