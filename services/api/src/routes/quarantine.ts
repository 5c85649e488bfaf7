import { API } from "@quarterpast/contract";
import { QUARANTINE_ADVICE, QUARANTINE_REASONS } from "@quarterpast/domain";
import {
  assignQuarantine,
  countQuarantine,
  listAccountRules,
  listAccounts,
  removeAccountRule,
  writeOffGroup,
  type AccountRule,
} from "@quarterpast/store";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import { asSeller } from "../seller.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";

/**
 * `/v1/quarantine`: waiting events by reason, subject, meter and account, with what ends the wait; writing them off;
 * and assigning them to an account, once or by a lasting rule.
 */
export function addQuarantine(routes: Routes, { pool, clock }: RouteDeps): void {
  serve(routes, API.listQuarantine, async ({ query, apiKey }) => {
    const waiting = await countQuarantine(pool, { accounts: apiKey.accounts, limit: query.limit });
    const items = waiting.map((row) => ({
      ...row,
      why: QUARANTINE_REASONS[row.reason],
      advice: QUARANTINE_ADVICE[row.reason],
      since: iso(row.since),
    }));
    return { items, next: null };
  });

  serve(routes, API.writeOffQuarantine, async ({ body, apiKey }) => {
    const { note, account = null, ...rest } = body;
    const which = { ...rest, account };
    const given = { ...which, why: note, accounts: apiKey.accounts };
    const events = await writeOffGroup(pool, { keyId: apiKey.keyId }, given, clock.now());
    if (events > 0) return { ...which, events };
    throw refusal("not_found", {
      en: `No such event waits: ${which.reason}, ${which.meter}, ${which.subject}, account ${account ?? "-"}; see quarterpast quarantine list`,
      zh: `没有这样的等待事件：${which.reason}、${which.meter}、${which.subject}、账户 ${account ?? "-"}；请查看 quarterpast quarantine list`,
    });
  });

  serve(routes, API.assignQuarantine, async (request) => {
    const { account, always = false, ...filter } = request.body;
    const actor = asSeller(request);
    if (always && (filter.source === undefined) === (filter.subject === undefined)) {
      throw refusal(
        "field_invalid",
        {
          en: "A lasting rule is for one source or one subject: give exactly one of the two",
          zh: "长期规则须针对一个来源或一个主体：请只给出其中之一",
        },
        { field: "always" },
      );
    }
    const done = await assignQuarantine(pool, actor, { account, always, ...filter }, clock.now());
    if (!done) throw await unknownAccount(account);
    return { account, events: done.events, rule: done.rule ? ruleToApi(done.rule) : null };
  });

  serve(routes, API.listAccountRules, async (request) => {
    asSeller(request);
    return { items: (await listAccountRules(pool)).map(ruleToApi), next: null };
  });

  serve(routes, API.removeAccountRule, async (request, reply) => {
    const { rule } = request.params;
    if (await removeAccountRule(pool, asSeller(request), rule, clock.now())) return reply.code(204).send();
    throw refusal("not_found", { en: `There is no rule ${rule}`, zh: `规则 ${rule} 不存在` });
  });

  async function unknownAccount(code: string) {
    const known = (await listAccounts(pool)).map((account) => account.code);
    return refusal(
      "field_invalid",
      {
        en: `There is no account ${code}; there are ${known.join(", ")}`,
        zh: `账户 ${code} 不存在；现有账户为 ${known.join("、")}`,
      },
      { field: "account" },
    );
  }
}

function ruleToApi({ ruleNo, source, subject, account, keyId, createdAt }: AccountRule) {
  return { rule: ruleNo, source, subject, account, keyId, createdAt: iso(createdAt) };
}
