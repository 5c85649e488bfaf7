import type { Text } from "@quarterpast/domain";
import type { AccountDeclaration } from "../account.js";
import { TRANSPORT_CODES } from "../http/transportCodes.js";
import type { MarketplaceProfile, WireRecordInput, WireRule } from "../profile.js";
import { adviceOf } from "./advice.js";
import {
  CALL_CODES,
  DUPLICATE_CODES,
  EXPIRED_CODES,
  GATEWAY_MEANING,
  isGatewayCode,
  normalCallCode,
  RECORD_CODES,
} from "./codes.js";
import { LISTS } from "./lists.js";
import { encodeOldRecord, OLD_WIRE_VERSION } from "./oldWire.js";
import type { Push } from "./push.js";
import { settingsOf } from "./settings.js";
import { CALLS, LIMITS, RETRY, WINDOWS } from "./site.js";
import { encodeRecord, WIRE_VERSION } from "./wire.js";

/** The wire text of each push, used to freeze new records. */
const WIRES: Record<Push, { version: number; encodeRecord: (record: WireRecordInput) => string }> = {
  new: { version: WIRE_VERSION, encodeRecord },
  old: { version: OLD_WIRE_VERSION, encodeRecord: encodeOldRecord },
};

/** The old push has no serial number: only the interval prevents a second record from counting. */
const WIRE_RULES: readonly WireRule[] = [
  { version: WIRE_VERSION, resend: "at_once", namedBy: "serial_number" },
  { version: OLD_WIRE_VERSION, resend: "after_statement", namedBy: "slot" },
];

/** Which settings hold the keys of each push. */
const KEY_SETTINGS_TOLD: Record<Push, Text> = {
  new: {
    en: "MARKETPLACE_KEY to the interconnection key of the seller center",
    zh: "将 MARKETPLACE_KEY 设为卖家中心的商家对接密钥",
  },
  old: {
    en: "ORDER_AK and ORDER_SK to the access key of the seller's account",
    zh: "将 ORDER_AK 和 ORDER_SK 设为商家账号的访问密钥",
  },
};

/**
 * What KooGallery's usage push requires and promises, new and old (koogallery.md 1, 2).
 * @throws MarketplaceSettingError if a setting is invalid
 */
export function kooGalleryProfile(account: AccountDeclaration): MarketplaceProfile {
  const { site, push, endpoints, statementPath } = settingsOf(account);
  const [primary, ...fallback] = endpoints.map((endpoint) => endpoint.host) as [string, ...string[]];
  return {
    marketplace: "koogallery",
    site,
    hosts: { primary, fallback },
    wireVersion: WIRES[push].version,
    wires: WIRE_RULES,
    slot: "interval",
    supersede: "same_slot",
    dedupe: "stated",
    tells: false,
    // Only a sandbox, or a gateway, has an address for it.
    statements: { grain: "record", way: statementPath === undefined ? "file" : "api" },
    limits: LIMITS,
    windows: WINDOWS,
    retry: RETRY,
    calls: CALLS,
    duplicateCodes: DUPLICATE_CODES,
    expiredCodes: EXPIRED_CODES,
    encodeRecord: WIRES[push].encodeRecord,
    keySettings: KEY_SETTINGS_TOLD[push],
    lists: LISTS,
    meaningOf,
    adviceOf,
  };
}

/** The meaning of a code of a call, of a record, or of the connection. */
function meaningOf(raw: string): Text | undefined {
  const code = normalCallCode(raw);
  for (const table of [CALL_CODES, RECORD_CODES]) {
    if (Object.hasOwn(table, code)) return table[code]!.meaning;
  }
  if (isGatewayCode(code)) return GATEWAY_MEANING;
  return Object.hasOwn(TRANSPORT_CODES, code)
    ? TRANSPORT_CODES[code as keyof typeof TRANSPORT_CODES]
    : undefined;
}
