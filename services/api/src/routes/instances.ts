import { API } from "@quarterpast/contract";
import { floorSecond } from "@quarterpast/domain";
import { addInstance, closeInstance, findInstance, listInstances, type Instance } from "@quarterpast/store";
import { instanceToApi, iso } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serveList } from "../list.js";
import { serve, type Routes } from "../serve.js";

/** `/v1/instances`: what customers bought, and when it lives. */
export function addInstances(routes: Routes, { pool, clock, account: { accountNo, code } }: RouteDeps): void {
  const toApi = (instance: Instance) => instanceToApi(instance, code);

  serveList(routes, API.listInstances, {
    read: ({ after = "", limit }) => listInstances(pool, accountNo, after, limit),
    toApi,
    cursorOf: ({ instanceId }) => instanceId,
  });

  serve(routes, API.readInstance, async ({ params: { id } }) => {
    const instance = await findInstance(pool, accountNo, id);
    if (!instance) throw unknownInstance(id);
    return toApi(instance);
  });

  serve(routes, API.addInstance, async ({ body: { cycle = "hourly", ...body } }, reply) => {
    const added = await addInstance(pool, { accountNo, cycle, ...body }, clock.now());
    switch (added.outcome) {
      case "created":
        return reply.code(201).send(toApi(added.instance));
      case "unchanged":
        return toApi(added.instance);
      case "exists_otherwise":
        throw existsOtherwise(added.instance);
      case "overlaps":
        throw overlaps(body.instanceId, toApi(added.instance));
      case "unknown_meter":
        throw unknownMeter(body.meter);
    }
  });

  serve(routes, API.closeInstance, async ({ params: { id }, body }) => {
    const closed = body.closed ?? floorSecond(clock.now());
    const instance = await closeInstance(pool, accountNo, id, closed);
    if (!instance) throw unknownInstance(id);
    if (instance.closed !== closed) throw cannotClose(instance, closed);
    return toApi(instance);
  });
}

/** The refusal for a meter that does not exist. */
export function unknownMeter(meter: string) {
  return refusal("unknown_meter", {
    en: `There is no meter ${meter}: add it first (quarterpast meters add ${meter} --aggregation …)`,
    zh: `计量项 ${meter} 不存在：请先添加（quarterpast meters add ${meter} --aggregation …）`,
  });
}

function unknownInstance(id: string) {
  return refusal("not_found", { en: `There is no instance ${id}`, zh: `实例 ${id} 不存在` });
}

function existsOtherwise({ instanceId, product, meter, subject, cycle, opened }: Instance) {
  const values = `${product}, ${meter}, ${subject}, ${cycle}, ${iso(opened)}`;
  return refusal("already_exists", {
    en: `Instance ${instanceId} exists with other values (${values}), and those never change`,
    zh: `实例 ${instanceId} 已存在且内容不同（${values}），不可更改`,
  });
}

function overlaps(instanceId: string, inTheWay: ReturnType<typeof instanceToApi>) {
  const { instanceId: other, subject, meter, opened, closed } = inTheWay;
  const life = {
    en: closed === null ? "still open" : `closed ${closed}`,
    zh: closed === null ? "尚未关闭" : `关闭于 ${closed}`,
  };
  return refusal(
    "lives_overlap",
    {
      en: `Instance ${other} of subject ${subject} and meter ${meter} is in the way of ${instanceId}: opened ${opened}, ${life.en}; close it no later than the new one opens`,
      zh: `实例 ${other}（主体 ${subject}，计量项 ${meter}，开通于 ${opened}，${life.zh}）与 ${instanceId} 重叠；请先关闭它，且不晚于新实例的开通时间`,
    },
    { inTheWay },
  );
}

function cannotClose({ instanceId, opened, closed }: Instance, wanted: number) {
  if (closed !== null) {
    return refusal("state_forbids", {
      en: `Instance ${instanceId} is closed already, since ${iso(closed)}; a life ends once`,
      zh: `实例 ${instanceId} 已于 ${iso(closed)} 关闭，只能关闭一次`,
    });
  }
  return refusal("state_forbids", {
    en: `Instance ${instanceId} opened ${iso(opened)}: it cannot close at ${iso(wanted)}; give a later time`,
    zh: `实例 ${instanceId} 开通于 ${iso(opened)}，不能在 ${iso(wanted)} 关闭；请指定更晚的时间`,
  });
}
