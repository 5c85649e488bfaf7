import { z } from "zod";
import { count, field, nullable, text, time, word, yesNo } from "../field.js";
import { plainText } from "../forms.js";
import * as asked from "../asked.js";
import { OPERATOR, READERS, route } from "../route.js";
import * as words from "../words.js";

const account = z.strictObject({
  account: words.account,
  marketplace: text("Marketplace", "云商店"),
  site: text("Site", "站点"),
  address: nullable(text("Address", "地址")),
  dayOffsetMinutes: field(
    {
      title: {
        en: "Minutes by which its day and month are ahead of UTC",
        zh: "其日与月较 UTC 提前的分钟数",
      },
    },
    z.int(),
  ),
  haltedCode: nullable(text("Halted by", "暂停代码")),
  haltedSince: nullable(time("Halted since", "暂停时间")),
  probedAt: nullable(time("Last probe", "上次探测")),
  reachable: nullable(yesNo("Reachable", "可达")),
  key: nullable(word("Key", "密钥", ["right", "wrong", "unknown"])),
  owed: count("Records owed", "待上报话单"),
});

/** `/v1/accounts`: those that the key may see, with what is owed and whether submission is halted. */
export const accounts = {
  listAccounts: route({
    method: "GET",
    path: "/v1/accounts",
    summary: {
      en: "Accounts: what is owed, and whether sending is halted",
      zh: "列出账号、待上报话单及暂停状态",
    },
    roles: READERS,
    answers: { 200: words.wholeListOf(account) },
  }),
  moveAccount: route({
    method: "POST",
    path: "/v1/accounts/:account/move",
    summary: {
      en: "Binds an account to another address of its marketplace, from its next start on",
      zh: "将账号改绑到其云商店的另一个地址，自下次启动起生效",
    },
    roles: OPERATOR,
    params: z.strictObject({ account: asked.account }),
    body: z.strictObject({
      address: field(
        {
          title: { en: "Address", zh: "地址" },
          right: { en: "a host name or an https URL", zh: "主机名或 https 地址" },
        },
        plainText(512),
      ),
      reason: asked.reason,
    }),
    answers: {
      200: z.strictObject({ account: words.account, address: text("Address", "地址") }),
    },
  }),
};
