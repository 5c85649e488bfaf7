import { API, encodeCursor } from "@quarterpast/contract";
import { addDecimals } from "@quarterpast/domain";
import {
  listBillLines,
  listBills,
  listCredits,
  listLineRecords,
  listRecordEvents,
  readMakeup,
  sumRecordEvents,
  type Bill,
  type Credit,
  type DrilledEvent,
  type DrilledLine,
  type DrilledRecord,
  type RecordMakeup,
} from "@quarterpast/store";
import { iso, isoOrNull, page } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serveList } from "../list.js";
import { serve, type Routes } from "../serve.js";

/**
 * `/v1/bills/…`, `/v1/records/:sn/events`: from a bill's line to records to events; `/v1/credits`: what we owe
 * customers.
 */
export function addBills(routes: Routes, { pool, account }: RouteDeps): void {
  const { accountNo, code } = account;

  serveList(routes, API.listBills, {
    read: ({ after = 0, limit }) => listBills(pool, accountNo, { after, limit }),
    toApi: (bill) => ({ account: code, ...billToApi(bill) }),
    cursorOf: ({ billNo }) => String(billNo),
    keyOf: ({ billNo }) => [billNo],
  });

  serve(routes, API.listBillLines, async ({ params, query }) => {
    const { cursor: after = 0, limit } = query;
    const read = await listBillLines(pool, accountNo, params.bill, { after, limit: limit + 1 });
    if (read.length === 0 && after === 0) throw unknownBill(params.bill);
    return page(read, limit, lineToApi, ({ line }) => String(line));
  });

  serve(routes, API.listLineRecords, async ({ params, query }) => {
    const { cursor: after = "", limit } = query;
    const { bill: billNo, line } = params;
    const [found] = await listBillLines(pool, accountNo, billNo, { after: line - 1, limit: 1 });
    if (found?.line !== line) throw unknownBill(billNo, line);
    const read = await listLineRecords(pool, accountNo, { billNo, line, after, limit: limit + 1 });
    return { line: lineToApi(found), ...page(read, limit, recordToApi, ({ sn }) => sn) };
  });

  serve(routes, API.listRecordEvents, async (request) => {
    const { cursor: after = [], limit } = request.query;
    const makeup = await readMakeup(pool, accountNo, request.params.sn);
    if (!makeup)
      throw refusal("not_found", {
        en: `There is no record ${request.params.sn}`,
        zh: `话单 ${request.params.sn} 不存在`,
      });
    const sum = await sumRecordEvents(pool, makeup);
    const read = await listRecordEvents(pool, makeup, { after, limit: limit + 1 });
    const cursorOf = ({ source, key }: DrilledEvent) => encodeCursor(source, key);
    return { record: makeupToApi(makeup, sum), ...page(read, limit, eventToApi, cursorOf) };
  });

  serveList(routes, API.listCredits, {
    read: ({ due: refundDue, after = "", limit }) => listCredits(pool, code, { refundDue, after, limit }),
    toApi: (credit) => ({ account: code, ...creditToApi(credit) }),
    cursorOf: ({ instanceId }) => instanceId,
  });
}

const creditToApi = (credit: Credit) => ({ ...credit, since: iso(credit.since) });

function billToApi({ takenAt, from, to, billNo, ...rest }: Bill) {
  return { bill: billNo, ...rest, takenAt: iso(takenAt), from: isoOrNull(from), to: isoOrNull(to) };
}

function lineToApi({ begin, end, ...rest }: DrilledLine) {
  return { ...rest, begin: isoOrNull(begin), end: isoOrNull(end) };
}

const recordToApi = (record: DrilledRecord) => ({
  ...record,
  begin: iso(record.begin),
  end: iso(record.end),
});
const eventToApi = ({ key: _, ...event }: DrilledEvent) => ({ ...event, time: iso(event.time) });

/** `adds` says whether the events add up to the usage, and whether usage, residue and filed quantity add up. */
function makeupToApi(
  { instanceNo: _, hour, ...makeup }: RecordMakeup,
  { events: counted, counts }: { events: number; counts: string | null },
) {
  const { usage, residueIn, carried, residueOut, unbillable, filed } = makeup;
  const left = addDecimals(usage, residueIn, carried, minus(residueOut), minus(unbillable), minus(filed));
  const adds = left === "0" && counted === makeup.events && (counts === null || counts === usage);
  return { ...makeup, hour: iso(hour), eventsFound: counted, eventsCount: counts, adds };
}

const minus = (text: string) => (text.startsWith("-") ? text.slice(1) : text === "0" ? "0" : `-${text}`);

function unknownBill(billNo: number, line?: number) {
  const of =
    line === undefined ? { en: "", zh: "" } : { en: ` with a line ${line}`, zh: `或其第 ${line} 行` };
  return refusal("not_found", {
    en: `There is no bill ${billNo}${of.en}: see quarterpast bills list`,
    zh: `账单 ${billNo}${of.zh}不存在：请查看 quarterpast bills list`,
  });
}
