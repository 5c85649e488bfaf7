import type { RejectedEvent } from "@quarterpast/client";
import type { Text } from "../lang.js";

/** The results of an import so far; saved in the checkpoint. */
export interface Tally {
  /** Rows read and settled. */
  rows: number;
  /** Events handed to the collector. */
  sent: number;
  accepted: number;
  /** Events not sent because of a bad cell, and those the collector rejected. */
  rejected: number;
  rejectedByCode: Record<string, number>;
}

/** A rejected event or row, for the person. */
export interface Rejection {
  line: number;
  code: string;
  text: Text;
  events: number;
}

/** The tally of an import that has not begun. */
export function emptyTally(): Tally {
  return { rows: 0, sent: 0, accepted: 0, rejected: 0, rejectedByCode: {} };
}

/** Adds rejections to the tally. */
export function addRejections(tally: Tally, rejections: readonly Rejection[]): void {
  for (const { code, events } of rejections) {
    tally.rejected += events;
    tally.rejectedByCode[code] = (tally.rejectedByCode[code] ?? 0) + events;
  }
}

/** The rejection of an event by the collector. */
export function rejectionOf(rejected: RejectedEvent, line: number): Rejection {
  const { code, detail, event } = rejected;
  const hint =
    code === "time_in_future"
      ? {
          en: "; --follow-clock sends it when its time has come",
          zh: "；使用 --follow-clock 可在时间到达时发送",
        }
      : { en: "", zh: "" };
  const named = `${event.type}: ${detail}`;
  return { line, code, events: 1, text: { en: named + hint.en, zh: named + hint.zh } };
}

/** The line that ends an import. */
export function summaryOf(tally: Tally): Text {
  const [rows, sent, accepted, rejected] = [tally.rows, tally.sent, tally.accepted, tally.rejected].map(
    (count) => count.toLocaleString("en-US"),
  );
  const codes = Object.entries(tally.rejectedByCode).map(
    ([code, count]) => `${code} ${count.toLocaleString("en-US")}`,
  );
  const list = codes.join(", ");
  return {
    en: `${rows} rows: ${sent} events sent, ${accepted} accepted, ${rejected} rejected${list && ` (${list})`}`,
    zh: `${rows} 行：已发送 ${sent} 个事件，接受 ${accepted} 个，拒绝 ${rejected} 个${list && `（${list}）`}`,
  };
}
