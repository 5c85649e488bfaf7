import { API } from "@quarterpast/contract";
import { explainFinding } from "@quarterpast/domain";
import { listFindings, settleFinding, type Finding } from "@quarterpast/store";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serveList } from "../list.js";
import { serve, type Routes } from "../serve.js";

/**
 * `/v1/findings`: every difference, in quantity or money, with its cause, the money at stake, what to do, and how it
 * ended.
 */
export function addFindings(routes: Routes, { pool, account, profile, clock }: RouteDeps): void {
  const toApi = (finding: Finding) => ({
    account: account.code,
    ...finding,
    since: iso(finding.since),
    foundAt: iso(finding.foundAt),
    resolvedAt: finding.resolvedAt === null ? null : iso(finding.resolvedAt),
    ...explainFinding(finding, profile.meaningOf(finding.code ?? ""), profile.adviceOf(finding.code ?? "")),
  });
  serveList(routes, API.listFindings, {
    read: ({ all, kind, after = "", limit }) =>
      // What was late is over as it is found: who asks for it wants to see it.
      listFindings(pool, account.code, { standing: !all && kind !== "late", kind, after, limit }),
    toApi,
    cursorOf: ({ id }) => id,
  });

  serve(routes, API.settleFinding, async (request) => {
    const { id } = request.params;
    const actor = { accountNo: account.accountNo, keyId: request.apiKey.keyId };
    if (await settleFinding(pool, actor, id, request.body.reason, clock.now())) return { id };
    throw refusal("not_found", {
      en: `There is no open difference ${id}: see quarterpast findings list`,
      zh: `没有未解决的差异 ${id}：请查看 quarterpast findings list`,
    });
  });
}
