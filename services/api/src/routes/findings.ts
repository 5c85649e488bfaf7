import { explainFinding, FINDING_KINDS } from "@quarterpast/domain";
import { listFindings, settleFinding, type Finding } from "@quarterpast/store";
import { z } from "zod";
import { cursor, limit, reason } from "../fields.js";
import { flag } from "../importFields.js";
import { iso, page } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../server.js";
import { field, type Routes } from "../validate.js";

const paging = z.strictObject({
  all: flag(),
  kind: field(
    { en: `one of ${FINDING_KINDS.join(", ")}`, zh: `${FINDING_KINDS.join("、")} 之一` },
    z.enum(FINDING_KINDS).optional(),
  ),
  cursor: cursor(),
  limit: limit(1_000, 100),
});
const named = z.strictObject({
  id: field(
    { en: "a finding's id such as q12 or m3", zh: "差异编号，例如 q12 或 m3" },
    z.string().regex(/^[qm]\d{1,15}$/),
  ),
});
const settling = z.strictObject({ reason: reason() });

/** `/v1/findings`: every difference, of quantities and of money: its cause, the money at stake, what to do, and its end. */
export function addFindings(routes: Routes, { pool, account, profile, clock }: RouteDeps): void {
  const toApi = (finding: Finding) => ({
    ...finding,
    since: iso(finding.since),
    foundAt: iso(finding.foundAt),
    resolvedAt: finding.resolvedAt === null ? null : iso(finding.resolvedAt),
    ...explainFinding(finding, finding.code === null ? undefined : profile.meaningOf(finding.code)),
  });
  routes.get("/findings", { schema: { querystring: paging } }, async ({ query }) => {
    const { all, kind, cursor: after = "", limit: most } = query;
    // What was late is over as it is found: who asks for it wants to see it.
    const standing = !all && kind !== "late";
    const read = await listFindings(pool, account.code, { standing, kind, after, limit: most + 1 });
    return page(read, most, toApi, ({ id }) => id);
  });

  routes.post("/findings/:id/settle", { schema: { params: named, body: settling } }, async (request) => {
    const { id } = request.params;
    const actor = { accountNo: account.accountNo, keyId: request.apiKey.keyId };
    if (await settleFinding(pool, actor, id, request.body.reason, clock.now())) return { id };
    throw refusal("not_found", {
      en: `No difference ${id} stands: see quarterpast findings list`,
      zh: `没有未解决的差异 ${id}：请查看 quarterpast findings list`,
    });
  });
}
