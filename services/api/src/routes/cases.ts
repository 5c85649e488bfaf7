import { API } from "@quarterpast/contract";
import {
  actOnCase,
  findCase,
  findRecord,
  listAudit,
  readCases,
  type ActedOn,
  type CaseAct,
  type CaseScope,
  type LiveKey,
  type OpenCase,
} from "@quarterpast/store";
import { askText } from "../askText.js";
import { iso, page } from "../present.js";
import { refusal } from "../refuse.js";
import type { ApiAccount, RouteDeps } from "../deps.js";
import { plainCursor } from "../list.js";
import { serveMerged, type OwnPart, type Routes } from "../serve.js";
import { checkQuantity, intervalOf } from "./records.js";

const SIMPLE = [
  ["note", API.noteOnCase],
  ["write_off", API.writeOffCase],
  ["close", API.closeCase],
  ["resend", API.resendCase],
] as const;

/**
 * `/v1/cases`: what a person has to settle, and the acts that settle it; `/v1/audit`: who did what. A case's number is of
 * one case over all accounts, so a request need not name its account.
 */
export function addCases(routes: Routes, deps: RouteDeps): void {
  const { pool, clock } = deps;
  const own: ApiAccount = { account: deps.account, profile: deps.profile };

  serveMerged(routes, API.listCases, own, async (parts, { query, apiKey }) => {
    const { all, kind, owner, limit, cursor } = query;
    const filter = { all, kind, owner, after: plainCursor(cursor) ?? 0, limit: limit + 1 };
    return page(
      await readCases(pool, scopeOf(parts, apiKey, query), filter),
      limit,
      caseToApi,
      ({ caseId }) => String(caseId),
    );
  });

  serveMerged(routes, API.readCase, own, async (parts, { params: { id }, query, apiKey }) => {
    const found = await findCase(pool, scopeOf(parts, apiKey, query), id);
    if (!found) throw unknownCase(id);
    const history = found.history.map((entry) => ({ ...entry, at: iso(entry.at) }));
    return { ...caseToApi(found), history };
  });

  const carryOut = async (parts: Parts, { params: { id }, query, apiKey }: OnCase, act: CaseAct) => {
    const actor = { ...scopeOf(parts, apiKey, query), keyId: apiKey.keyId };
    const acted = await actOnCase(pool, actor, id, act, clock.now());
    if (acted.outcome === "done") return caseToApi(acted.case);
    throw acted.outcome === "unknown_case" ? unknownCase(id) : refused(id, acted);
  };
  /** The case with the account that it is of; without one for what is the seller's. */
  const findWithAccount = async (parts: Parts, { params: { id }, query, apiKey }: OnCase) => {
    const found = await findCase(pool, scopeOf(parts, apiKey, query), id);
    if (!found) throw unknownCase(id);
    return { found, of: parts.find((part) => part.account === found.account)?.own };
  };

  serveMerged(routes, API.assignCase, own, async (parts, request) =>
    carryOut(parts, request, { act: "assign", owner: request.body.owner }),
  );

  for (const [act, route] of SIMPLE) {
    serveMerged(routes, route, own, async (parts, request) =>
      carryOut(parts, request, { act, reason: request.body.reason }),
    );
  }

  serveMerged(routes, API.rereportCase, own, async (parts, request) => {
    const { quantity = null, reason } = request.body;
    const { of } = await findWithAccount(parts, request);
    if (of) checkQuantity(of.profile, quantity);
    const interval = intervalOf(request.body);
    return carryOut(parts, request, { act: "rereport", quantity, interval, reason });
  });

  serveMerged(routes, API.chooseProduct, own, async (parts, request) =>
    carryOut(parts, request, { act: "choose", ...request.body }),
  );

  serveMerged(routes, API.askMarketplace, own, async (parts, request) => {
    const { found, of } = await findWithAccount(parts, request);
    if (!of) throw ofNoMarketplace(request.params.id);
    const { accountNo, code } = of.account;
    const record = found.kind.startsWith("record_")
      ? await findRecord(pool, [accountNo], found.ref)
      : undefined;
    const meaning = record?.code == null ? undefined : of.profile.meaningOf(record.code);
    const text = askText(found, record, meaning, code);
    return { ...(await carryOut(parts, request, { act: "ask", text: text.zh })), text };
  });

  serveMerged(routes, API.listAudit, own, async (parts, { query, apiKey }) => {
    const { ref, limit, cursor } = query;
    const { accountNos, seller } = scopeOf(parts, apiKey);
    const before = plainCursor(cursor);
    const read = await listAudit(pool, accountNos, { seller, ref, before, limit: limit + 1 });
    return page(
      read,
      limit,
      (entry) => ({ ...entry, at: iso(entry.at) }),
      ({ auditId }) => String(auditId),
    );
  });
}

type Parts = readonly OwnPart<ApiAccount>[];
interface OnCase {
  params: { id: number };
  query: { account?: string | undefined };
  apiKey: LiveKey;
}

/** What a request sees: its accounts, and what is the seller's unless the key is limited or it asks for one account. */
function scopeOf(
  parts: Parts,
  { accounts }: Pick<LiveKey, "accounts">,
  { account }: OnCase["query"] = {},
): CaseScope {
  const seller = accounts === null && account === undefined;
  return { accountNos: parts.map(({ own }) => own.account.accountNo), seller };
}

function caseToApi(one: OpenCase) {
  const { account, caseId, openedAt, dueAt, resolvedAt, kind, ref, detail, owner, resolution } = one;
  const times = {
    openedAt: iso(openedAt),
    dueAt: iso(dueAt),
    resolvedAt: resolvedAt === null ? null : iso(resolvedAt),
  };
  return { account, id: caseId, kind, ref, detail, owner, ...times, resolution };
}

function ofNoMarketplace(id: number) {
  return refusal("state_forbids", {
    en: `Case ${id} is about what belongs to the seller, and no marketplace knows of it: note, write it off or close it`,
    zh: `工单 ${id} 属于整个商家，与任何云商店无关：可备注、核销或关闭`,
  });
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
