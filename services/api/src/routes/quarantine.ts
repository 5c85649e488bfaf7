import { QUARANTINE_ADVICE, QUARANTINE_REASONS, type QuarantineReason } from "@quarterpast/domain";
import { countQuarantine, writeOffGroup } from "@quarterpast/store";
import { z } from "zod";
import { limit, quarantinedName, reason } from "../fields.js";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../server.js";
import { field, type Routes } from "../validate.js";

const REASONS = Object.keys(QUARANTINE_REASONS) as [QuarantineReason, ...QuarantineReason[]];

const paging = z.strictObject({ limit: limit(1_000, 100) });
const group = z.strictObject({
  reason: field({ en: `one of ${REASONS.join(", ")}`, zh: `${REASONS.join("、")} 之一` }, z.enum(REASONS)),
  meter: quarantinedName(),
  subject: quarantinedName(),
  note: reason(),
});

/** `/v1/quarantine`: events that wait, by reason, subject and meter, with what ends the wait; and giving them up. */
export function addQuarantine(routes: Routes, { pool, account, clock }: RouteDeps): void {
  routes.get("/quarantine", { schema: { querystring: paging } }, async ({ query }) => {
    const waiting = await countQuarantine(pool, query.limit);
    const items = waiting.map((row) => ({
      ...row,
      why: QUARANTINE_REASONS[row.reason],
      advice: QUARANTINE_ADVICE[row.reason],
      since: iso(row.since),
    }));
    return { items, next: null };
  });

  routes.post("/quarantine/write-off", { schema: { body: group } }, async ({ body, apiKey }) => {
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
