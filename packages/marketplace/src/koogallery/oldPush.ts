import { isObject, parseJson } from "../json.js";
import { isGatewayCode } from "./codes.js";
import { OLD_WIRE_VERSION } from "./oldWire.js";
import { apigHeaders } from "./orders/apigSign.js";
import type { AccessKey } from "./push.js";
import { OLD_USAGE_PATH } from "./site.js";
import { firstText, type PushWay } from "./way.js";

const INSTANCE_NAMES = ["instance_id", "instanceId"];
const BEGIN_NAMES = ["begin_time", "beginTime"];
const END_NAMES = ["end_time", "endTime"];

/**
 * The old usage push (koogallery.md 1.6): signed with AK/SK like the order query; its records have no serial number
 * and are named by instance, begin and end.
 */
export function createOldPush(accessKey: () => AccessKey | undefined): PushWay {
  return {
    wireVersion: OLD_WIRE_VERSION,
    path: OLD_USAGE_PATH,
    isReady: () => accessKey() !== undefined,
    signerOf: () => "",
    sign({ host, path, atMs, body }) {
      const { ak, sk } = accessKey()!;
      const headers = { host, "content-type": "application/json" };
      const request = { method: "POST", path, query: [], headers, body };
      return { headers: apigHeaders({ ak, sk: sk.reveal() }, atMs * 1_000, request), isOwn: false };
    },
    // The gateway refuses a stale x-sdk-date like a wrong signature.
    isOutOfTime: (code) => code === "MKT.0154" || isGatewayCode(code),
    // The gateway checks AK/SK: a call that it answers with 401 did not get past it.
    keyAt: (code, httpStatus) => (isGatewayCode(code) && httpStatus === 401 ? "wrong" : undefined),
    nameOf: ({ wire }) => {
      const record = parseJson(wire);
      return (isObject(record) && nameIn(record)) || wire;
    },
    nameIn,
  };
}

function nameIn(entry: Record<string, unknown>): string | undefined {
  const [begin, end, instance] = [BEGIN_NAMES, END_NAMES, INSTANCE_NAMES].map((names) =>
    firstText(entry, names)?.trim(),
  );
  if (begin === undefined || end === undefined || instance === undefined) return undefined;
  return `${begin}/${end}/${instance}`;
}
