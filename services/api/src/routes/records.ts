import { API } from "@quarterpast/contract";
import { fitsRecord, statesAllowing, type Interval } from "@quarterpast/domain";
import type { MarketplaceProfile } from "@quarterpast/marketplace";
import { findRecord, listRecords, requestRereport } from "@quarterpast/store";
import { serveList } from "../list.js";
import { recordDetailToApi, recordToApi } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";

/** `/v1/records`: bill records with their outcomes, and requests to file one again. */
export function addRecords(routes: Routes, { pool, clock, profile, account }: RouteDeps): void {
  const { accountNo } = account;

  serveList(routes, API.listRecords, {
    read: ({ instance: instanceId, after = "", ...filter }) =>
      listRecords(pool, [accountNo], { ...filter, instanceId, after }),
    toApi: recordToApi,
    cursorOf: ({ sn }) => sn,
  });

  serve(routes, API.readRecord, async ({ params: { sn } }) => {
    const record = await findRecord(pool, [accountNo], sn);
    if (!record) throw unknownRecord(sn);
    return recordDetailToApi(record);
  });

  serve(routes, API.rereportRecord, async (request, reply) => {
    const { sn } = request.params;
    const { reason, quantity = null } = request.body;
    const interval = intervalOf(request.body);
    checkQuantity(profile, quantity);
    const record = await findRecord(pool, [accountNo], sn);
    if (!record) throw unknownRecord(sn);
    if (!statesAllowing("rereported").includes(record.state)) throw stateForbids(sn, record.state);
    const wish = { sn, quantity, interval, reason, keyId: request.apiKey.keyId };
    if (!(await requestRereport(pool, accountNo, wish, clock.now()))) throw waitsAlready(sn);
    return reply.code(202).send({ sn, quantity: quantity ?? record.quantity, reason });
  });
}

/** The other interval of a re-report request, null if there is none. @throws if only one end of it is given. */
export function intervalOf({
  begin,
  end,
}: {
  begin?: number | undefined;
  end?: number | undefined;
}): Interval | null {
  if (begin === undefined && end === undefined) return null;
  if (begin !== undefined && end !== undefined && begin < end) return { begin, end };
  throw refusal("field_invalid", {
    en: "begin and end: give both or none, begin first",
    zh: "begin 与 end：须同时给出或都不给，且 begin 在前",
  });
}

/**
 * Refuses a quantity that the marketplace does not accept in one record: a re-report keeps the interval, so it cannot
 * be cut.
 */
export function checkQuantity({ limits }: MarketplaceProfile, quantity: string | null): void {
  const { quantityDecimals: decimals, largestQuantity: largest } = limits;
  if (quantity === null || fitsRecord(quantity, limits)) return;
  throw refusal(
    "field_invalid",
    {
      en: `quantity ${quantity}: give a decimal above 0, up to ${largest}, with up to ${decimals} decimals`,
      zh: `quantity ${quantity}：应为大于 0、不超过 ${largest} 的十进制数，小数至多 ${decimals} 位`,
    },
    { field: "quantity" },
  );
}

function unknownRecord(sn: string) {
  return refusal("not_found", { en: `There is no record ${sn}`, zh: `话单 ${sn} 不存在` });
}

function stateForbids(sn: string, state: string) {
  const right = statesAllowing("rereported").join(", ");
  return refusal("state_forbids", {
    en: `Record ${sn} is ${state}: only a record that is ${right} can be filed again, so that nothing is billed twice`,
    zh: `话单 ${sn} 当前为 ${state}：只有 ${right} 的话单可以重新上报，以免重复计费`,
  });
}

function waitsAlready(sn: string) {
  return refusal("state_forbids", {
    en: `A re-report of record ${sn} is already waiting: see its outcome with records show ${sn}`,
    zh: `话单 ${sn} 已有等待中的重新上报：请用 records show ${sn} 查看结果`,
  });
}
