import { formatCompact, type Text } from "@quarterpast/domain";
import type { OpenCase, RecordDetail } from "@quarterpast/store";
import { iso } from "./present.js";

/** What the marketplace's support needs to look a record up, and our question, ready to send in both languages. */
export function askText(
  one: Pick<OpenCase, "kind" | "ref" | "detail">,
  record: RecordDetail | undefined,
  meaning: Text | undefined,
  account: string,
): Text {
  if (!record) {
    return {
      en: `Seller account: ${account}\nMatter: ${one.kind}, ${one.ref}\nWhat we see: ${one.detail}\n\nOur ledger has nothing that explains this. Please tell us where it comes from, and correct it if it is wrong.`,
      zh: `商家账号：${account}\n事项：${one.kind}，${one.ref}\n现象：${one.detail}\n\n我方账本中没有与之对应的记录。请协助确认其来源，如有错误请予更正。`,
    };
  }
  const { sn, instanceId, product, begin, end, quantity, unit, state, checksum, attemptsMade, outcomes } =
    record;
  const code = record.code === null ? "" : ` ${record.code}`;
  const sent = attemptsMade.map(({ at, host, bodySha256, result, code: answer }) =>
    `- ${iso(at)} ${host ?? "-"} body SHA-256 ${bodySha256 ?? "-"} → ${result ?? "-"} ${answer ?? ""}`.trim(),
  );
  const said = outcomes.map(
    (outcome) => `- ${iso(outcome.at)} ${outcome.state} ${outcome.code ?? ""} (${outcome.source})`,
  );
  const facts = (names: readonly [string, string, string, string, string, string, string]) =>
    [
      `${names[0]}: ${account}`,
      `metering_sn: ${sn}`,
      `instance_id: ${instanceId} (${product})`,
      `begin_time, end_time: ${formatCompact(begin)}, ${formatCompact(end)}`,
      `usage_value: ${quantity} ${unit}`,
      `${names[1]}: ${state}${code}${meaning ? ` – ${names[2] === "en" ? meaning.en : meaning.zh}` : ""}`,
      `${names[3]}: ${checksum}`,
      `${names[4]}:`,
      ...(sent.length > 0 ? sent : [`- ${names[6]}`]),
      ...(said.length > 0 ? [`${names[5]}:`, ...said] : []),
    ].join("\n");
  return {
    en: `${facts(["Seller account", "State", "en", "SHA-256 of our record", "Sent by us", "Outcome", "never"])}\n\nPlease tell us whether this record is billed, with which quantity, and if not, why. If the fault is on our side, tell us what to correct, so that we can report it again.`,
    zh: `${facts(["商家账号", "状态", "zh", "我方话单 SHA-256", "我方发送记录", "处理经过", "未发送"])}\n\n请协助确认该话单是否已计费、计费用量是多少；若未计费，请说明原因。如为我方问题，请告知需更正的内容，以便我方重新上报。`,
  };
}
