import type { AccountDeclaration } from "../account.js";
import { endpointOf, type Endpoint } from "../http/endpoint.js";
import { MarketplaceSettingError } from "../settingError.js";
import { PUSHES, type Push } from "./push.js";
import { SITES, type Site } from "./site.js";

/** KooGallery's own settings of an account; none of them is secret. */
export const SETTINGS = [
  /** Used instead of the site's host: a sandbox or a gateway. Its fallback list is empty unless given. */
  "MARKETPLACE_URL",
  /** Host names or base URLs separated by commas, instead of the site's fallback list. */
  "MARKETPLACE_FALLBACK_HOSTS",
  /** Path of an SDR list (`/sandbox/sdr`); KooGallery itself has none. */
  "MARKETPLACE_STATEMENT_PATH",
  /** The interface for new records, `new` by default. Those frozen for the other one are still sent by that. */
  "MARKETPLACE_PUSH",
  /**
   * How far a call's time may differ from ours, in real seconds: V2.0, and V1.0 without a nonce (koogallery.md 3.1,
   * 3.3).
   */
  "SIGNATURE_WINDOW_SECONDS",
  "V1_WINDOW_SECONDS",
  /** Whether answers of V2.0 also carry the header Body-Sign. */
  "SIGN_V2_ANSWERS",
  /** Encryption of userName and password in answers. */
  "V1_CREDENTIALS",
  "V2_CREDENTIALS",
  /** Where orders are looked up, instead of the site's own address. */
  "ORDER_QUERY_URL",
] as const;

/** An account's settings, parsed. */
export interface KooGallerySettings {
  site: Site;
  push: Push;
  /** The primary host first. */
  endpoints: readonly [Endpoint, ...Endpoint[]];
  statementPath: string | undefined;
}

/**
 * Reads the settings of an account.
 * @throws MarketplaceSettingError if one is invalid
 */
export function settingsOf({ site: name, settings }: AccountDeclaration): KooGallerySettings {
  const site = name as Site;
  const push = PUSHES.find((one) => one === (settings["MARKETPLACE_PUSH"] ?? "new"));
  if (push === undefined) {
    const right = { en: `one of ${PUSHES.join(", ")}`, zh: `${PUSHES.join("、")} 之一` };
    throw new MarketplaceSettingError("MARKETPLACE_PUSH", settings["MARKETPLACE_PUSH"]!, right);
  }
  const statementPath = settings["MARKETPLACE_STATEMENT_PATH"];
  return { site, push, endpoints: endpointsOf(site, settings), statementPath };
}

function endpointsOf(site: Site, settings: AccountDeclaration["settings"]): [Endpoint, ...Endpoint[]] {
  const url = settings["MARKETPLACE_URL"];
  const primary = endpointOf("MARKETPLACE_URL", url ?? SITES[site].primary);
  const given = settings["MARKETPLACE_FALLBACK_HOSTS"]?.split(",").map((host) => host.trim());
  const others = given ?? (url === undefined ? SITES[site].fallback : []);
  const fallback = others.map((host) => endpointOf("MARKETPLACE_FALLBACK_HOSTS", host));
  const all = [primary, ...fallback] as [Endpoint, ...Endpoint[]];
  const twice = all.find((one, index) => all.findIndex((other) => other.host === one.host) !== index);
  if (twice === undefined) return all;
  throw new MarketplaceSettingError("MARKETPLACE_FALLBACK_HOSTS", twice.host, {
    en: "each host once",
    zh: "每个主机只出现一次",
  });
}
