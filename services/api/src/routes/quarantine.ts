import { API } from "@quarterpast/contract";
import { QUARANTINE_ADVICE, QUARANTINE_REASONS } from "@quarterpast/domain";
import { countQuarantine, writeOffGroup } from "@quarterpast/store";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../server.js";
import { serve, type Routes } from "../serve.js";

/** `/v1/quarantine`: events that wait, by reason, subject and meter, with what ends the wait; and giving them up. */
export function addQuarantine(routes: Routes, { pool, account, clock }: RouteDeps): void {
  serve(routes, API.listQuarantine, async ({ query }) => {
    const waiting = await countQuarantine(pool, query.limit);
    const items = waiting.map((row) => ({
      ...row,
      why: QUARANTINE_REASONS[row.reason],
      advice: QUARANTINE_ADVICE[row.reason],
      since: iso(row.since),
    }));
    return { items, next: null };
  });

  serve(routes, API.writeOffQuarantine, async ({ body, apiKey }) => {
    const { note, ...which } = body;
    const actor = { accountNo: account.accountNo, keyId: apiKey.keyId };
    const events = await writeOffGroup(pool, actor, which, note, clock.now());
    if (events > 0) return { ...which, events };
    throw refusal("not_found", {
      en: `No such event waits: ${which.reason}, ${which.meter}, ${which.subject}; see quarterpast quarantine list`,
      zh: `没有这样的等待事件：${which.reason}、${which.meter}、${which.subject}；请查看 quarterpast quarantine list`,
    });
  });
}
