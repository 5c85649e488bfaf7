import { API } from "@quarterpast/contract";
import { MINUTE } from "@quarterpast/domain";
import { addressAt, MarketplaceSettingError, siteAt } from "@quarterpast/marketplace";
import { lastProbe, listAccounts, moveAccount, readBacklog } from "@quarterpast/store";
import { isoOrNull } from "../present.js";
import type { RouteDeps } from "../deps.js";
import { refusal } from "../refuse.js";
import { serve, type Routes } from "../serve.js";
import { mayBeSeen } from "../visible.js";

/** `/v1/accounts`: the accounts that the key may see, as they stand, and the move of one to another address. */
export function addAccounts(routes: Routes, { pool, accounts, clock }: RouteDeps): void {
  serve(routes, API.moveAccount, async ({ params, body: { address: told, reason }, apiKey }) => {
    const found = accounts.find(
      ({ account: { code } }) => code === params.account && mayBeSeen(apiKey, code),
    );
    if (!found) throw unknownAccount(params.account);
    const { accountNo, code, marketplace, site } = found.account;
    const address = readAddress(told);
    const other = siteAt(address);
    if (other && (other.marketplace !== marketplace || other.site !== site))
      throw ofAnotherSite(code, address, other);
    const moved = await moveAccount(
      pool,
      { accountNo, keyId: apiKey.keyId },
      { address, reason },
      clock.now(),
    );
    if (moved.outcome === "calls_unsettled") throw callsUnsettled(code, moved.calls);
    return { account: code, address };
  });

  serve(routes, API.listAccounts, async ({ apiKey }) => {
    const known = new Set(accounts.map(({ account }) => account.code));
    const stored = (await listAccounts(pool)).filter(
      ({ code }) => known.has(code) && mayBeSeen(apiKey, code),
    );
    const items = await Promise.all(
      stored.map(async ({ accountNo, code, dayOffset, haltedAt, ...one }) => {
        const probe = await lastProbe(pool, accountNo);
        return {
          account: code,
          ...{ marketplace: one.marketplace, site: one.site, address: one.address },
          ...{ dayOffsetMinutes: dayOffset / MINUTE, haltedCode: one.haltedCode },
          haltedSince: isoOrNull(haltedAt),
          probedAt: isoOrNull(probe?.probedAt ?? null),
          reachable: probe?.reachable ?? null,
          key: probe?.key ?? null,
          owed: (await readBacklog(pool, accountNo)).records,
        };
      }),
    );
    return { items, next: null };
  });
}

function readAddress(text: string): string {
  try {
    return addressAt(text);
  } catch (error) {
    if (!(error instanceof MarketplaceSettingError)) throw error;
    const { value, right } = error.problem;
    const detail = { en: `address ${value}: give ${right.en}`, zh: `address ${value}：应为${right.zh}` };
    throw refusal("field_invalid", detail, { field: "address" });
  }
}

function unknownAccount(code: string) {
  return refusal("not_found", {
    en: `There is no account ${code}: see quarterpast accounts list`,
    zh: `没有账号 ${code}：请查看 quarterpast accounts list`,
  });
}

function ofAnotherSite(
  code: string,
  address: string,
  { marketplace, site }: { marketplace: string; site: string },
) {
  return refusal("state_forbids", {
    en: `${address} is site ${site} of ${marketplace}, where account ${code} has never filed: what goes there is another account, give it a code of its own`,
    zh: `${address} 属于 ${marketplace} 的站点 ${site}，账号 ${code} 从未在该处上报：上报至该处的应是另一个账号，请为其设置新的代码`,
  });
}

function callsUnsettled(code: string, calls: number) {
  return refusal("state_forbids", {
    en: `${calls} calls of account ${code} may have been taken at the old address, and go to no other: let them be settled there, by a reply or a statement, then stop the reporter and ask again`,
    zh: `账号 ${code} 有 ${calls} 次调用可能已被原地址接收，不能改发别处：请先在原地址通过应答或对账文件确定其结果，再停止 reporter 后重试`,
  });
}
