import { API } from "@quarterpast/contract";
import {
  actOnCase,
  findCase,
  findRecord,
  listAudit,
  readCases,
  type ActedOn,
  type CaseAct,
  type OpenCase,
} from "@quarterpast/store";
import { askText } from "../askText.js";
import { iso, page } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";
import { checkQuantity, intervalOf } from "./records.js";

const SIMPLE = [
  ["note", API.noteOnCase],
  ["write_off", API.writeOffCase],
  ["close", API.closeCase],
  ["resend", API.resendCase],
] as const;

/** `/v1/cases`: what a person has to settle, and the acts that settle it; `/v1/audit`: who did what. */
export function addCases(routes: Routes, deps: RouteDeps): void {
  const { pool, account, profile } = deps;
  const { accountNo } = account;

  serve(routes, API.listCases, async ({ query }) => {
    const { cursor: after = 0, limit, ...filter } = query;
    const read = await readCases(pool, accountNo, { ...filter, after, limit: limit + 1 });
    return page(read, limit, caseToApi, ({ caseId }) => String(caseId));
  });

  serve(routes, API.readCase, async ({ params: { id } }) => {
    const found = await findCase(pool, accountNo, id);
    if (!found) throw unknownCase(id);
    const history = found.history.map((entry) => ({ ...entry, at: iso(entry.at) }));
    return { ...caseToApi(found), history };
  });

  serve(routes, API.assignCase, async (request) =>
    carryOut(deps, request.params.id, request.apiKey.keyId, { act: "assign", owner: request.body.owner }),
  );

  for (const [act, route] of SIMPLE) {
    serve(routes, route, async (request) =>
      carryOut(deps, request.params.id, request.apiKey.keyId, { act, reason: request.body.reason }),
    );
  }

  serve(routes, API.rereportCase, async (request) => {
    const { quantity = null, reason } = request.body;
    checkQuantity(profile, quantity);
    const act = { act: "rereport", quantity, interval: intervalOf(request.body), reason } as const;
    return carryOut(deps, request.params.id, request.apiKey.keyId, act);
  });

  serve(routes, API.chooseProduct, async (request) =>
    carryOut(deps, request.params.id, request.apiKey.keyId, { act: "choose", ...request.body }),
  );

  serve(routes, API.askMarketplace, async ({ params: { id }, apiKey }) => {
    const found = await findCase(pool, accountNo, id);
    if (!found) throw unknownCase(id);
    const record = found.kind.startsWith("record_")
      ? await findRecord(pool, [accountNo], found.ref)
      : undefined;
    const meaning = record?.code == null ? undefined : profile.meaningOf(record.code);
    const text = askText(found, record, meaning, account.code);
    const done = await carryOut(deps, id, apiKey.keyId, { act: "ask", text: text.zh });
    return { ...done, text };
  });

  serve(routes, API.listAudit, async ({ query }) => {
    const { ref, cursor: before, limit } = query;
    const read = await listAudit(pool, accountNo, { ref, before, limit: limit + 1 });
    return page(
      read,
      limit,
      (entry) => ({ ...entry, at: iso(entry.at) }),
      ({ auditId }) => String(auditId),
    );
  });
}

async function carryOut({ pool, clock, account }: RouteDeps, id: number, keyId: string, act: CaseAct) {
  const acted = await actOnCase(pool, { accountNo: account.accountNo, keyId }, id, act, clock.now());
  if (acted.outcome === "done") return caseToApi(acted.case);
  throw acted.outcome === "unknown_case" ? unknownCase(id) : refused(id, acted);
}

function caseToApi({ caseId, openedAt, dueAt, resolvedAt, kind, ref, detail, owner, resolution }: OpenCase) {
  const times = {
    openedAt: iso(openedAt),
    dueAt: iso(dueAt),
    resolvedAt: resolvedAt === null ? null : iso(resolvedAt),
  };
  return { id: caseId, kind, ref, detail, owner, ...times, resolution };
}

function unknownCase(id: number) {
  return refusal("not_found", { en: `There is no case ${id}`, zh: `工单 ${id} 不存在` });
}

function refused(id: number, acted: Exclude<ActedOn, { outcome: "done" | "unknown_case" }>) {
  switch (acted.outcome) {
    case "resolved_already":
      return refusal("state_forbids", { en: `Case ${id} is resolved already`, zh: `工单 ${id} 已处理完毕` });
    case "no_record":
      return refusal("state_forbids", {
        en: `Case ${id} is not about a record of ours: note, ask, write it off or close it`,
        zh: `工单 ${id} 与我方话单无关：可备注、咨询、核销或关闭`,
      });
    case "no_choice":
      return refusal("state_forbids", {
        en: `Case ${id} is not about an order line of several products that waits to be opened`,
        zh: `工单 ${id} 与待开通的多产品订单行无关`,
      });
    case "state_forbids":
      return refusal("state_forbids", {
        en: `Its record is ${acted.state}; that act is for records that are ${acted.allowed.join(", ")}, so that nothing is billed twice`,
        zh: `话单当前为 ${acted.state}；该操作仅适用于 ${acted.allowed.join("、")} 的话单，以免重复计费`,
      });
    case "waits_already":
      return refusal("state_forbids", {
        en: "A re-report of its record is already waiting",
        zh: "该话单已有等待中的重新上报",
      });
    case "expired":
      return refusal("state_forbids", {
        en: "The marketplace no longer accepts records of that time: bill it another way, or write it off",
        zh: "已超过云市场可上报期限：请以其他方式收取，或核销",
      });
  }
}
