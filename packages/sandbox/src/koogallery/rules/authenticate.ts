import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { refusal, type Refusal } from "./codes.js";

export type AuthRules = {
  /** The seller's interconnection key. */
  key: string;
  /** How far `ts` may be from the server's time, in either direction, milliseconds. */
  skewLimitMs: number;
};

const HEADER_LIMITS = { signature: 1000, ts: 20, nonce: 64 } as const;

/** base64(HMAC-SHA256(key, "ts=…&nonce=…&body=…")) over the body's bytes as received (specification 1.3). */
export function signatureOf(key: string, ts: string, nonce: string, body: Uint8Array): string {
  return createHmac("sha256", key).update(`ts=${ts}&nonce=${nonce}&body=`).update(body).digest("base64");
}

export type Nonces = { seen(nonce: string, now: number): boolean };

/** Remembers nonces for `keepMs` of real time; `seen` returns whether one was known and adds it. */
export function createNonces(keepMs: number): Nonces {
  const noted = new Map<string, number>();
  return {
    seen(nonce, now) {
      for (const [old, at] of noted) {
        if (at + keepMs > now) break;
        noted.delete(old);
      }
      if (noted.has(nonce)) return true;
      noted.set(nonce, now);
      return false;
    },
  };
}

/**
 * Checks headers, freshness, signature and replay, in this order; `now` is the server's real time. Returns the
 * refusal or null. The specification names no code for a stale `ts` and a replayed nonce: 0102 and 0154 are our
 * interpretation.
 */
export function authenticate(
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  rules: AuthRules,
  nonces: Nonces,
  now: number,
): Refusal | null {
  const missing = headerFault(headers);
  if (missing) return refusal("MKT.0199", missing);
  const [signature, ts, nonce] = [headers["signature"], headers["ts"], headers["nonce"]] as [
    string,
    string,
    string,
  ];
  if (!/^\d+$/.test(ts)) return refusal("MKT.0199", "ts is not a number of milliseconds");
  if (Math.abs(Number(ts) - now) > rules.skewLimitMs) return refusal("MKT.0102", "ts is too far from now");
  if (!same(signature, signatureOf(rules.key, ts, nonce, body))) {
    return refusal("MKT.0102", "signature does not match the received bytes");
  }
  return nonces.seen(nonce, now) ? refusal("MKT.0154", "nonce was used before") : null;
}

function headerFault(headers: IncomingHttpHeaders): string | null {
  for (const [name, limit] of Object.entries(HEADER_LIMITS)) {
    const value = headers[name];
    if (typeof value !== "string" || value === "") return `header ${name} is missing`;
    if (value.length > limit) return `header ${name} is longer than ${limit}`;
  }
  const type = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  return type === "application/json" ? null : "Content-Type is not application/json";
}

function same(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
