import { MarketplaceSettingError } from "../settingError.js";

/** The target of calls: the host named in evidence, and how to reach it. */
export interface Endpoint {
  /** Host with its port, unless it is the scheme's default. */
  host: string;
  origin: string;
  /** Path before every path of the interface, without a trailing slash; usually empty. */
  basePath: string;
}

/**
 * Parses a host name or a base URL. https only; plain http only for loopback hosts, where traffic cannot be
 * intercepted.
 * @throws MarketplaceSettingError with what would be right
 */
export function endpointOf(setting: string, text: string): Endpoint {
  const url = urlOf(text);
  if (!url || url.username || url.password || url.search || url.hash) {
    throw new MarketplaceSettingError(setting, withoutUserInfo(text), {
      en: "a host name, or an https URL without user, query and fragment",
      zh: "主机名，或不含用户信息、查询串和片段的 https 地址",
    });
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new MarketplaceSettingError(setting, text, {
      en: "an https URL (plain http only for loopback hosts: localhost, 127.0.0.1, [::1])",
      zh: "https 地址（仅回环主机 localhost、127.0.0.1、[::1] 可用 http）",
    });
  }
  return { host: url.host, origin: url.origin, basePath: url.pathname.replace(/\/+$/, "") };
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text.includes("://") ? text : `https://${text}`);
  } catch {
    return undefined;
  }
}

function withoutUserInfo(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//(hidden)@").replace(/\?.*$/, "?(hidden)");
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
