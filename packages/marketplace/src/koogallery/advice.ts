import type { Advice, ProposedAct } from "@quarterpast/domain";
import { normalRecordCode } from "./codes.js";

/** Advice by abnormal code; for some, the same or a similar record can still be billed (koogallery.md 1.5). */
const ABNORMAL: Readonly<Record<string, Advice>> = {
  "001": act(
    "ask",
    "check the instance id with the order; ask the marketplace, then file the record again",
    "核对订单中的实例 ID，咨询云市场后重新上报",
  ),
  "002": act("rereport", "file the record again", "重新上报该话单"),
  "003": act(
    "rereport",
    "check the quantity, then file the record again with the right one",
    "核对用量后以正确数值重新上报",
  ),
  "004": act("rereport", "file the record again", "重新上报该话单"),
  "005": act(
    "ask",
    "we sent it once, another party used its serial number: ask the marketplace",
    "我方只发送过一次，序列号被他人使用：请咨询云市场",
  ),
  "006": act(
    "ask",
    "the product is off the shelf: ask the marketplace, or write the usage off",
    "商品已退市：请咨询云市场，或核销该用量",
  ),
  "007": act(
    "write_off",
    "it is older than the marketplace accepts: bill it another way, or write it off",
    "已超过可上报期限：请以其他方式收取，或核销",
  ),
  "009": act(
    "ask",
    "the instance belongs to another seller's account: check the account",
    "实例不属于该商家账号：请检查账号",
  ),
  "010": act(
    "ask",
    "another record of this interval came first: ask which one is billed",
    "该区间已有其他话单：请确认计费的是哪一条",
  ),
  "011": act(
    "rereport",
    "check when the instance was opened and closed, then file the record again",
    "核对实例开通与关闭时间后重新上报",
  ),
  "012": act(
    "look",
    "the instance is a package, not pay-per-use: bind the usage to the right instance",
    "该实例为套餐包：请将用量绑定到按需实例",
  ),
  "013": act(
    "resend",
    "when the instance is unfrozen, send the record again unchanged",
    "实例解冻后按原样重发该话单",
  ),
  // Of a whole call (koogallery-license-joint.md 9).
  "94060999": act(
    "look",
    "the marketplace refused the record without saying why: check instance, time and quantity, then file it again",
    "对方拒绝该话单但未说明原因：核对实例、时间和用量后重新上报",
  ),
  "94060010": act(
    "ask",
    "have the seller's state corrected in the seller center; submission then resumes automatically",
    "请在卖家中心恢复商家状态；恢复后系统会自动继续上报",
  ),
};

function act(name: ProposedAct, en: string, zh: string): Advice {
  return { act: name, advice: { en, zh } };
}

/** What a person should do about a record that was found abnormal with this code; undefined for an unknown code. */
export function adviceOf(code: string): Advice | undefined {
  const known = normalRecordCode(code);
  return Object.hasOwn(ABNORMAL, known) ? ABNORMAL[known] : undefined;
}
