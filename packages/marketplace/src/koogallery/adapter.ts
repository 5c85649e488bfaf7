import type { Text } from "@quarterpast/domain";
import { Agent, type Dispatcher } from "undici";
import { endpointOf, type Endpoint } from "../http/endpoint.js";
import { TRANSPORT_CODES } from "../http/transportCodes.js";
import type { MarketplaceAdapter } from "../port.js";
import type { CallTimeouts } from "../retry.js";
import type { KeySource } from "../keyring.js";
import type { Secret } from "../secret.js";
import { MarketplaceSettingError } from "../settingError.js";
import {
  CALL_CODES,
  DUPLICATE_CODES,
  EXPIRED_CODES,
  GATEWAY_MEANING,
  isGatewayCode,
  normalCallCode,
  RECORD_CODES,
} from "./codes.js";
import { probe } from "./probe.js";
import type { AccessKey, Push } from "./push.js";
import { CALLS, DEDUPES, LIMITS, OLD_DEDUPES, RETRY, SITES, windowsOf, type Site } from "./site.js";
import { createSkew } from "./skew.js";
import { fetchStatement } from "./statement.js";
import { submit, type SubmitDeps } from "./submit.js";
import { OLD_WIRE_VERSION } from "./oldWire.js";
import { KEY_SETTINGS_TOLD, waysOf } from "./ways.js";

/** Wire versions without a serial number; see `MarketplaceAdapter.sentOnce`. */
export const SENT_ONCE: readonly number[] = [OLD_WIRE_VERSION];

export interface KooGallerySettings {
  marketplace: "koogallery";
  site: Site;
  /** The seller's interconnection key (商家对接密钥); a source of keys where products have their own, or they change. */
  key: string | Secret | KeySource;
  /** By which interface new records go: `new` where absent. Those frozen for the other one still go by theirs. */
  push?: Push | undefined;
  /** What signs the old push now. */
  accessKey?: (() => AccessKey | undefined) | undefined;
  /** Goes there instead of the site's host: a sandbox or a gateway. Its fallback list is empty unless given. */
  baseUrl?: string | undefined;
  /** Host names or base URLs instead of the site's fallback list. */
  fallbackHosts?: readonly string[] | undefined;
  /** Path of an SDR list (`/sandbox/sdr`); KooGallery itself has none. */
  statementPath?: string | undefined;
  /** Micros from UTC instead of the site's billing day. */
  dayOffset?: number | undefined;
  /** Instead of the adapter's own, in real ms. */
  timeouts?: Partial<CallTimeouts> | undefined;
  /** Real clock, ms since the epoch. */
  now: () => number;
  /** A secure random text of up to 64 characters, new on each call. */
  nonce: () => string;
  /** Instead of an own connection pool; it is then not closed here. */
  dispatcher?: Dispatcher | undefined;
}

/**
 * The adapter for KooGallery's usage push, new and old (koogallery.md 1).
 * @throws MarketplaceSettingError where a setting cannot be used
 */
export function createKooGallery(settings: KooGallerySettings): MarketplaceAdapter {
  const site = siteOf(settings.site);
  const endpoints = endpointsOf(settings);
  const timeouts = { ...RETRY.timeouts, ...settings.timeouts };
  const dispatcher = settings.dispatcher ?? agentOf(timeouts);
  const { now, statementPath, push = "new" } = settings;
  const ways = waysOf(settings);
  const deps: SubmitDeps = {
    ways,
    dispatcher,
    timeouts,
    skew: createSkew(),
    now,
    endpoints,
  };
  const [primary, ...fallback] = endpoints.map((endpoint) => endpoint.host) as [string, ...string[]];
  return {
    name: "koogallery",
    site: settings.site,
    wireVersion: ways.chosen.wireVersion,
    sentOnce: SENT_ONCE,
    limits: LIMITS,
    windows: windowsOf(settings.dayOffset ?? site.dayOffset),
    retry: { ...RETRY, timeouts },
    calls: CALLS,
    dedupes: push === "old" ? OLD_DEDUPES : DEDUPES,
    hosts: { primary, fallback },
    duplicateCodes: DUPLICATE_CODES,
    expiredCodes: EXPIRED_CODES,
    encodeRecord: ways.chosen.encodeRecord,
    submit: (call) => submit(deps, call),
    probe: (signal) => probe(deps, signal),
    ...(statementPath !== undefined && {
      statement: (from, to, signal) =>
        fetchStatement(
          { dispatcher, timeouts, endpoint: endpoints[0]!, path: statementPath },
          from,
          to,
          signal,
        ),
    }),
    keySettings: KEY_SETTINGS_TOLD[push],
    meaningOf,
    close: async () => {
      if (settings.dispatcher === undefined) await dispatcher.destroy();
    },
  };
}

/** What a code means, be it of a call, of a record, or of the way there. */
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

function siteOf(site: string) {
  if (Object.hasOwn(SITES, site)) return SITES[site as Site];
  const names = Object.keys(SITES).join(", ");
  throw new MarketplaceSettingError("site", site, { en: `one of ${names}`, zh: `${names} 之一` });
}

function endpointsOf({ site, baseUrl, fallbackHosts }: KooGallerySettings): Endpoint[] {
  const primary = endpointOf("baseUrl", baseUrl ?? siteOf(site).primary);
  const others = fallbackHosts ?? (baseUrl === undefined ? siteOf(site).fallback : []);
  const all = [primary, ...others.map((host) => endpointOf("fallbackHosts", host))];
  const twice = all.find((one, index) => all.findIndex((other) => other.host === one.host) !== index);
  if (twice === undefined) return all;
  throw new MarketplaceSettingError("fallbackHosts", twice.host, {
    en: "each host once",
    zh: "每个主机只出现一次",
  });
}

function agentOf(timeouts: CallTimeouts): Agent {
  return new Agent({ connect: { timeout: timeouts.connectMs }, connections: CALLS.inFlight });
}
