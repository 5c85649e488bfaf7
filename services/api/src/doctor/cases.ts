import type { Text } from "@quarterpast/domain";
import type { Clock } from "@quarterpast/runtime";
import { countCases, type CaseCount, type Pool } from "@quarterpast/store";
import { ill, well, type Check, type Finding, type SellerDeps } from "./check.js";

/** What to do about records that a person has to settle, by the kind of their case. */
const ADVICE: Readonly<Record<string, Text>> = {
  record_abnormal: {
    en: "void there: see the cause with findings list, then cases act ID --do rereport, or ask",
    zh: "对方判为无效：用 findings list 查看原因，再用 cases act ID --do rereport 重新上报或 ask 咨询",
  },
  record_rejected_fixable: {
    en: "refused, but correctable: remove the cause, then cases act ID --do resend (unchanged) or rereport",
    zh: "被拒但可修正：排除原因后用 cases act ID --do resend（原样）或 rereport 重新上报",
  },
  record_rejected_final: {
    en: "refused for good: cases act ID --do rereport with correct values, or write-off",
    zh: "已被最终拒绝：用 cases act ID --do rereport 更正上报，或 write-off 核销",
  },
  record_expired: {
    en: "older than the marketplace accepts: bill it another way, then cases act ID --do write-off",
    zh: "已超过可上报期限：请以其他方式收取，再用 cases act ID --do write-off 核销",
  },
  record_conflict: {
    en: "there with another quantity: cases act ID --do ask gives the text for the marketplace",
    zh: "对方用量不同：cases act ID --do ask 可生成咨询文本",
  },
  record_missing: {
    en: "missing there, and too old to be sent again: cases act ID --do ask",
    zh: "对方已无此话单且无法重发：请用 cases act ID --do ask 咨询",
  },
};

const isOfRecord = ({ kind }: CaseCount) => kind.startsWith("record_");
const counted = (cases: readonly CaseCount[]) => cases.map(({ kind, open }) => `${kind} ${open}`).join(", ");

/** No record was refused, void, disputed or too old. */
export const troubledRecords: Check = {
  name: "records",
  title: { en: "Records that did not get through", zh: "未成功的话单" },
  look: async ({ pool, account, clock }) => {
    const cases = (await countCases(pool, account.accountNo, clock.now())).filter(isOfRecord);
    if (cases.length === 0) return well("none", "无");
    const advice = (language: keyof Text) =>
      cases.map(({ kind }) => `${kind}: ${ADVICE[kind]?.[language] ?? kind}`).join("; ");
    return ill({ en: counted(cases), zh: counted(cases) }, { en: advice("en"), zh: advice("zh") });
  },
};

/** No case of an account is overdue. */
export const overdueCases: Check = {
  name: "cases",
  title: { en: "Cases", zh: "工单" },
  look: ({ pool, account, clock }) => lookAtCases(pool, account.accountNo, clock),
};

/** No case of the seller, of what is of no single account, is overdue. */
export const sellerCases: Check<SellerDeps> = {
  name: "seller_cases",
  title: { en: "Cases of the seller", zh: "商家工单" },
  look: ({ pool, clock }) => lookAtCases(pool, null, clock),
};

async function lookAtCases(pool: Pool, accountNo: number | null, clock: Clock): Promise<Finding> {
  const cases = await countCases(pool, accountNo, clock.now());
  const open = cases.reduce((sum, one) => sum + one.open, 0);
  const overdue = cases.reduce((sum, one) => sum + one.overdue, 0);
  const unowned = cases.reduce((sum, one) => sum + one.unowned, 0);
  if (open === 0) return well("none stand", "没有未处理的工单");
  const found = {
    en: `${open} stand (${counted(cases)}), ${overdue} overdue, ${unowned} without an owner`,
    zh: `${open} 个未处理（${counted(cases)}），${overdue} 个逾期，${unowned} 个无负责人`,
  };
  if (overdue === 0) return { ok: true, found, advice: null };
  return ill(found, {
    en: "See cases list, give each to somebody (cases assign), and settle the oldest first (cases act)",
    zh: "请用 cases list 查看、cases assign 指派，并按时间先后用 cases act 处理",
  });
}
