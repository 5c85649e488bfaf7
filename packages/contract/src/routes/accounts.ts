import { z } from "zod";
import { count, nullable, text, time, word, yesNo } from "../field.js";
import { READERS, route } from "../route.js";
import * as words from "../words.js";

const account = z.strictObject({
  account: words.account,
  marketplace: text("Marketplace", "云商店"),
  site: text("Site", "站点"),
  address: nullable(text("Address", "地址")),
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
};
