import {
  DAY,
  fitsRecord,
  formatCompact,
  HOUR,
  MINUTE,
  SECOND,
  type RecordLimits,
  type Text,
} from "@quarterpast/domain";
import {
  endpointOf,
  TRANSPORT_CODES,
  type AccountDeclaration,
  type MarketplaceProfile,
  type WireRecordInput,
} from "@quarterpast/marketplace";

export const LIMITS: RecordLimits = {
  recordsPerCall: 25,
  quantityDecimals: 0,
  largestQuantity: "2147483647",
  partsPerHour: 1,
  shortestInterval: SECOND,
  filesZero: false,
  serialNumberChars: 64,
  instanceIdChars: 64,
  callBytes: 100_000,
};
export const TIMEOUTS = { connectMs: 2_000, headersMs: 5_000, totalMs: 5_000 };
export const WIRE_VERSION = 1;

/** Answers of a record, and of a call. */
export const CODES: Readonly<Record<string, Text>> = {
  TAKEN: { en: "taken", zh: "已接收" },
  SAME: { en: "this very record is there already", zh: "同一话单已存在" },
  HELD: { en: "another record holds the hour", zh: "该小时已有其他话单" },
  BUSY: { en: "not taken now, send it again", zh: "暂未接收，请重新发送" },
  CLOSED: { en: "the instance is not open", zh: "实例未开通" },
  OLD: { en: "older than a day", zh: "已超过一天" },
  SILENT: { en: "the reply does not name the record", zh: "响应中没有该话单" },
  BAD_CALL: { en: "a record cannot be read", zh: "话单无法读取" },
  BAD_KEY: { en: "the key is refused", zh: "密钥被拒绝" },
  TOO_FAST: { en: "asked too often", zh: "请求过于频繁" },
  UNKNOWN_WIRE: { en: "frozen in a form that is not known here", zh: "话单的固化格式未知" },
};

/** Its two sites: the second one treats repeats as carelessly as a marketplace can. */
const SITES: Record<
  string,
  Pick<MarketplaceProfile, "wires" | "dedupe" | "tells" | "statements" | "calls">
> = {
  main: {
    wires: [{ version: WIRE_VERSION, resend: "at_once", namedBy: "serial_number" }],
    dedupe: "proven",
    tells: true,
    statements: { grain: "day", way: "api" },
    calls: { inFlight: 2, perSecond: 20, groupedBy: "product", spacingMs: 0 },
  },
  careless: {
    wires: [{ version: WIRE_VERSION, resend: "at_once", resendFor: 3 * HOUR, namedBy: "serial_number" }],
    dedupe: "contested",
    tells: false,
    statements: { grain: "day", way: "api" },
    calls: { inFlight: 2, perSecond: 20, groupedBy: "product", spacingMs: 60_000 },
  },
};

/** What the made-up marketplace requires: hours as slots, whole units, 25 records per call, of one product. */
export function madeUpProfile({ site, settings }: AccountDeclaration): MarketplaceProfile {
  const { host } = endpointOf("MADE_UP_URL", settings["MADE_UP_URL"] ?? "madeup.example");
  const limits = { ...LIMITS, filesZero: settings["MADE_UP_ZERO"] === "on" };
  return {
    marketplace: "madeup",
    site,
    hosts: { primary: host, fallback: [] },
    wireVersion: WIRE_VERSION,
    slot: "hour",
    supersede: "refused_only",
    ...SITES[site]!,
    limits,
    windows: {
      hourly: { window: 30 * MINUTE, late: 6 * HOUR },
      expiry: { from: "begin", after: DAY - 5 * MINUTE },
    },
    retry: {
      backoff: {
        window: { firstMs: 200, capMs: 2_000 },
        late: { firstMs: 500, capMs: 5_000 },
        overdue: { firstMs: 1_000, capMs: 10_000 },
      },
      halt: { firstMs: 500, capMs: 5_000 },
      retryAfterCapMs: 60_000,
      timeouts: TIMEOUTS,
    },
    duplicateCodes: ["SAME", "HELD"],
    expiredCodes: ["OLD"],
    encodeRecord: (record) => encodeRecord(record, limits),
    keySettings: {
      en: "MADE_UP_KEY to the key of the made-up marketplace",
      zh: "将 MADE_UP_KEY 设为虚构云商店的密钥",
    },
    adviceOf: () => undefined,
    meaningOf: (code) => CODES[code] ?? (TRANSPORT_CODES as Readonly<Record<string, Text>>)[code],
  };
}

function encodeRecord(record: WireRecordInput, limits: RecordLimits): string {
  const { instanceId, serialNumber, begin, end, recordTime, quantity } = record;
  const wrong = (field: string) => new RangeError(`${field} cannot be filed`);
  if (![begin, end].every((at) => at % SECOND === 0) || begin >= end) throw wrong("begin");
  if (recordTime < end) throw wrong("recordTime");
  if (!/^\d+$/.test(quantity) || !fitsRecord(quantity, limits)) throw wrong("quantity");
  if (serialNumber === "" || serialNumber.length > LIMITS.serialNumberChars) throw wrong("serialNumber");
  if (instanceId === "" || instanceId.length > LIMITS.instanceIdChars) throw wrong("instanceId");
  return JSON.stringify({
    at: formatCompact(begin),
    instance: instanceId,
    ref: serialNumber,
    units: quantity,
  });
}
