import type { ApiClient } from "@quarterpast/contract";
import { formatInstant, HOUR, hourOf, MINUTE, SECOND, type Micros } from "@quarterpast/domain";
import type { Text } from "@quarterpast/runtime";
import { compare, grouped, sumByInstance, type Comparison } from "./compare.js";
import type { ListedRecord, Statement } from "./marketplace.js";
import type { Truth } from "./truth.js";

/** An hour between being sent and being billed. */
interface Underway {
  hour: Micros;
  stage: "sent" | "sealed" | "accepted";
}

/** Prints what happens to the sample's hours, according to the api and the marketplace. */
export interface Watch {
  /** Checks once. */
  look(): Promise<void>;
}

export interface WatchOptions {
  api: Pick<ApiClient, "listHours">;
  statement: Statement;
  truth: Truth;
  from: Micros;
  /** Prints a line about a product time. */
  tell: (at: Micros, text: Text) => void;
  onFirstRecord: () => void;
}

export function createWatch({ api, statement, truth, from, tell, onFirstRecord }: WatchOptions): Watch {
  const underway: Underway[] = [];
  let next = hourOf(from);
  let hasRecord = false;

  function addSentHours(): void {
    for (; next + HOUR <= truth.sentTo(); next += HOUR) {
      const truths = truth.hour(next);
      if (truths.length === 0) continue;
      const events = truths.reduce((sum, { events: count }) => sum + count, 0);
      underway.push({ hour: next, stage: "sent" });
      tell(next + HOUR, {
        en: `hour ${clockTime(next)} is over: ${grouped(String(events))} events received from ${truths.length} instances`,
        zh: `${clockTime(next)} 这一小时结束：已接收 ${truths.length} 个实例的 ${grouped(String(events))} 个事件`,
      });
    }
  }

  async function lookForSeal(entry: Underway): Promise<boolean> {
    const page = await api.listHours({ query: { before: formatInstant(entry.hour + HOUR), limit: 1 } });
    const row = page.items[0];
    if (!row || row.hour !== formatInstant(entry.hour) || row.status === "open" || row.sealedAt === null)
      return false;
    entry.stage = "sealed";
    const [en, zh] = row.status === "incomplete" ? ["incomplete", "不完整"] : ["complete", "完整"];
    tell(instantOf(row.sealedAt), {
      en: `hour ${clockTime(entry.hour)} is sealed: ${en}`,
      zh: `${clockTime(entry.hour)} 已封账：${zh}`,
    });
    return true;
  }

  async function lookAtRecords(entry: Underway): Promise<boolean> {
    const rows = await statement.recordsOf(entry.hour);
    if (entry.stage === "sealed") return lookForAcceptance(entry, rows);
    if (rows.some(({ state }) => state === "pending" || state === "normal")) return false;
    underway.splice(underway.indexOf(entry), 1);
    const billed = sumByInstance(rows.filter(({ state }) => state === "billed"));
    const sent = sumByInstance(truth.hour(entry.hour));
    tell(entry.hour + HOUR + 15 * MINUTE, billedLine(entry.hour, compare(sent, billed), rows));
    return false;
  }

  function lookForAcceptance(entry: Underway, rows: ListedRecord[]): boolean {
    if (rows.length > 0 && !hasRecord) {
      hasRecord = true;
      onFirstRecord();
    }
    const awaited = truth.hour(entry.hour).filter(({ quantity }) => quantity !== "0").length;
    const latest = Math.max(...rows.map(({ receivedAt }) => instantOf(receivedAt)));
    if (rows.length < awaited) return false;
    entry.stage = "accepted";
    const minute = Math.floor((latest - entry.hour - HOUR) / MINUTE);
    tell(latest, {
      en: `hour ${clockTime(entry.hour)}: all ${rows.length} bill records accepted in minute ${minute} of 15`,
      zh: `${clockTime(entry.hour)}：全部 ${rows.length} 条话单已被接受，在 15 分钟窗口的第 ${minute} 分钟`,
    });
    return true;
  }

  return {
    async look() {
      addSentHours();
      for (const entry of [...underway]) {
        if (entry.stage === "sent" && !(await lookForSeal(entry))) continue;
        while (await lookAtRecords(entry));
      }
    },
  };
}

function billedLine(hour: Micros, { meters, mismatches }: Comparison, rows: readonly ListedRecord[]): Text {
  const voidCount = rows.filter(({ state }) => state === "abnormal").length;
  const sums = meters
    .filter(({ sent, billed }) => sent !== "0" || billed !== "0")
    .map(({ meter, sent, billed }) =>
      sent === billed
        ? `${meter.code} ${grouped(sent)}`
        : `${meter.code} ${grouped(sent)} ≠ ${grouped(billed)}`,
    )
    .join(" · ");
  if (mismatches.length === 0) {
    return {
      en: `hour ${clockTime(hour)} is billed: ${sums}  ✓ sent = billed`,
      zh: `${clockTime(hour)} 已计费：${sums}  ✓ 发送量 = 计费量`,
    };
  }
  const voided =
    voidCount > 0
      ? { en: `; ${voidCount} records are void`, zh: `；${voidCount} 条话单异常` }
      : { en: "", zh: "" };
  return {
    en: `hour ${clockTime(hour)} is billed: ${sums}  (usage that came late is billed with the next hour${voided.en})`,
    zh: `${clockTime(hour)} 已计费：${sums}（迟到的用量计入下一小时${voided.zh}）`,
  };
}

function instantOf(iso: string): Micros {
  return Date.parse(iso) * (SECOND / 1000);
}

/** `18:00` of an instant, UTC. */
export function clockTime(at: Micros): string {
  return formatInstant(at).slice(11, 16);
}
