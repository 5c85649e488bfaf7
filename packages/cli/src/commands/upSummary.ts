import { grouped, type FinalComparison, type MeterComparison, type Mismatch } from "@quarterpast/stack";
import { say, type Text } from "../lang.js";
import { formatTable, type Column } from "../output.js";

const columns: readonly Column<MeterComparison>[] = [
  { title: { en: "METER", zh: "计量项" }, cell: ({ meter }) => meter.code },
  { title: { en: "KIND", zh: "方式" }, cell: ({ meter }) => meter.aggregation },
  { title: { en: "UNIT", zh: "单位" }, cell: ({ meter }) => meter.unit },
  { title: { en: "SENT (OWN SUM)", zh: "发送方自计" }, cell: ({ sent }) => grouped(sent), align: "right" },
  { title: { en: "MARKETPLACE", zh: "云商店" }, cell: ({ billed }) => grouped(billed), align: "right" },
  { title: { en: "", zh: "" }, cell: ({ sent, billed }) => (sent === billed ? "=" : "≠") },
];

/** The end of a sample for a person: both totals by meter, and each instance that differs. */
export function summaryText(outcome: FinalComparison): Text {
  const { events, records, rejected, mismatches } = outcome;
  const head: Text = {
    en: `${grouped(String(events))} events were sent in this run, the marketplace holds ${grouped(String(records))} valid records`,
    zh: `本次共发送 ${grouped(String(events))} 个事件，云商店共有 ${grouped(String(records))} 条有效话单`,
  };
  const isRight = mismatches.length === 0 && rejected === 0;
  const verdict: Text = isRight
    ? { en: "✓ the totals of every instance agree", zh: "✓ 每个实例的总量都一致" }
    : {
        en: [
          ...(rejected > 0 ? [`${rejected} events were rejected`] : []),
          ...mismatches.map((one) => mismatchLine(one).en),
        ].join("\n"),
        zh: [
          ...(rejected > 0 ? [`${rejected} 个事件被拒绝`] : []),
          ...mismatches.map((one) => mismatchLine(one).zh),
        ].join("\n"),
      };
  const table = formatTable(columns, outcome.meters);
  const text = ["", say(head), "", table, "", say(verdict), ""].join("\n");
  return { en: text, zh: text };
}

function mismatchLine({ instanceId, sent, billed }: Mismatch): Text {
  return {
    en: `✗ ${instanceId}: sent ${sent}, the marketplace has ${billed}`,
    zh: `✗ ${instanceId}：发送 ${sent}，云商店为 ${billed}`,
  };
}
