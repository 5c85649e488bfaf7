import type { Text } from "../text.js";

/** How our records and the marketplace's statement can differ: a closed set. */
export const FINDING_KINDS = ["missing", "extra", "different", "abnormal", "late", "refunded"] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** Differences of records, and of the money of bills. */
export const RECORD_FINDING_KINDS = ["missing", "extra", "different", "abnormal", "late"] as const;
export const BILL_FINDING_KINDS = ["missing", "extra", "different", "late", "refunded"] as const;
export type RecordFindingKind = (typeof RECORD_FINDING_KINDS)[number];
export type BillFindingKind = (typeof BILL_FINDING_KINDS)[number];

/** Findings of records that a good line in a later statement ends. */
export const HEALED_FINDINGS = [
  "missing",
  "different",
  "abnormal",
] as const satisfies readonly RecordFindingKind[];

/** Findings of money that a later bill ends. */
export const COMPARED_FINDINGS = [
  "missing",
  "extra",
  "different",
] as const satisfies readonly BillFindingKind[];

/** What the money of a bill is compared by: the finest thing that every line names. */
export const BILL_SCOPES = ["record", "instance", "product"] as const;
export type BillScope = (typeof BILL_SCOPES)[number];

/** What a person should do about it. */
export const PROPOSED_ACTS = ["wait", "rereport", "resend", "ask", "write_off", "look"] as const;
export type ProposedAct = (typeof PROPOSED_ACTS)[number];

export interface Explanation {
  cause: Text;
  act: ProposedAct;
  /** What to do, in words. */
  advice: Text;
}

/** The act and advice for an abnormal code, as its marketplace's adapter defines them. */
export type Advice = Omit<Explanation, "cause">;

const explain = (cause: Text, act: ProposedAct, en: string, zh: string): Explanation => ({
  cause,
  act,
  advice: { en, zh },
});

const LOOK_UP: Advice = {
  act: "look",
  advice: { en: "look the code up, then file the record again", zh: "查明错误码后重新上报" },
};

/** The code of a finding about an instance's day as a whole. */
export const BY_DAY = "by_day";

function explainDay(kind: FindingKind): Explanation {
  const cause: Partial<Record<FindingKind, Text>> = {
    missing: {
      en: "the marketplace's sum of the day lacks what we filed",
      zh: "对方当日合计中没有我方上报的用量",
    },
    extra: { en: "there on a day for which we filed nothing", zh: "我方当日未上报，而对方有用量" },
  };
  return explain(
    cause[kind] ?? { en: "the day's sums differ", zh: "双方当日合计不一致" },
    "ask",
    "compare the day's records with what the marketplace shows, then ask it; nothing goes out again by itself",
    "请将当日话单与对方明细逐条核对后咨询云市场；系统不会自动重发",
  );
}

/**
 * Explains a difference: its cause, the act to take, and advice.
 * @param finding ids of differences in a bill's money begin with m
 * @param meaning of its code, from the adapter
 * @param advice about its code, from the adapter
 */
export function explainFinding(
  finding: { kind: FindingKind; code: string | null; id: string },
  meaning: Text | undefined,
  advice: Advice | undefined,
): Explanation {
  const isMoney = finding.id.startsWith("m");
  if (finding.code === BY_DAY) return explainDay(finding.kind);
  switch (finding.kind) {
    case "missing":
      return isMoney
        ? explain(
            {
              en: "our records charge for this, but it is not in the bill",
              zh: "我方话单应收而账单中没有",
            },
            "ask",
            "ask the marketplace for it, with the records as evidence",
            "请附话单证据咨询云市场",
          )
        : explain(
            { en: "accepted there, but not in its complete list", zh: "对方已接收，但完整列表中没有" },
            "wait",
            "records that were only accepted are resent unchanged, automatically: check again with the next list; about billed ones, ask the marketplace",
            "仅被接收的话单会按原样自动重发，请用下一份列表再次核对；已计费的请咨询云市场",
          );
    case "extra":
      return isMoney
        ? explain(
            { en: "billed there, but not by any record of ours", zh: "账单中有，而我方没有对应话单" },
            "ask",
            "ask the marketplace; the customer may be owed a refund",
            "请咨询云市场；可能应退还客户",
          )
        : explain(
            {
              en: "listed there under a serial number that we never issued",
              zh: "对方存在我方从未使用的序列号",
            },
            "ask",
            "ask the marketplace who filed it; the customer may be owed a refund",
            "请咨询云市场由谁上报；可能应退还客户",
          );
    case "different":
      return explain(
        isMoney
          ? { en: "the bill's amount differs from that of our records", zh: "账单金额与我方话单计算不一致" }
          : {
              en: "listed there under our serial number with another quantity",
              zh: "同一序列号在对方的用量不同",
            },
        "ask",
        isMoney
          ? "check the price plan, then ask the marketplace with the records as evidence"
          : "ask the marketplace with the record as evidence; nothing is changed automatically",
        isMoney ? "请先核对价格方案，再附话单证据咨询云市场" : "请附话单证据咨询云市场；系统不会自动更改",
      );
    case "abnormal":
      return {
        cause: meaning ?? { en: "void there, for a reason not given", zh: "对方判为无效，原因未说明" },
        ...(advice ?? LOOK_UP),
      };
    case "late":
      return explain(
        { en: "collected after its window, so it was charged late", zh: "在窗口之后被采集，延迟计费" },
        "wait",
        "nothing is lost; look for it in the later bill",
        "没有损失；请在后续账单中核对",
      );
    case "refunded":
      return explain(
        { en: "the marketplace gave money back", zh: "云市场已退款" },
        "look",
        "set it against the refund order",
        "请与退款订单核对",
      );
  }
}
