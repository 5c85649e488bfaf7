import { createHmac, timingSafeEqual } from "node:crypto";
import { isObject, parseJson } from "../../json.js";

const hmac = (key: string, ...parts: (string | Buffer)[]) =>
  parts.reduce((mac, part) => mac.update(part), createHmac("sha256", key));

/** Compares two texts in a time that does not depend on where they differ. */
function same(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a, "utf8"), Buffer.from(b, "utf8")];
  return x.length === y.length && timingSafeEqual(x, y);
}

/**
 * The signature of a V2.0 call, lower-case hex (koogallery.md 3.1).
 * @param body the bytes that are sent: keys sorted, no nulls, no blanks. @param timestamp Unix time in ms, as in the
 *   URL.
 */
export function signV2(key: string, body: string | Buffer, nonce: string, timestamp: string): string {
  const bodyHex = hmac(key, body).digest("hex");
  return hmac(key, key + nonce + timestamp + bodyHex).digest("hex");
}

/**
 * The body in the form that the marketplace signs: top-level keys ascending, nulls left out, compact; undefined if it
 * is not a JSON object.
 */
export function sortedBody(body: Buffer): string | undefined {
  const json = parseJson(body.toString("utf8"));
  if (!isObject(json)) return undefined;
  const entries = Object.entries(json).filter(([, value]) => value !== null);
  // Not fromEntries, which would put keys that look like numbers first.
  const fields = entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{${fields.join(",")}}`;
}

/** The proof in a V2.0 call, unparsed. */
export interface V2Proof {
  signature: string;
  timestamp: string;
  nonce: string;
}

/** The key that signed a V2.0 call, over its raw bytes or their sorted form; undefined if none did. */
export function findV2Key(keys: readonly string[], body: Buffer, proof: V2Proof): string | undefined {
  const given = proof.signature.toLowerCase();
  const signs = (key: string, bytes: string | Buffer) =>
    same(signV2(key, bytes, proof.nonce, proof.timestamp), given);
  const raw = keys.find((key) => signs(key, body));
  if (raw !== undefined) return raw;
  const sorted = sortedBody(body);
  return sorted === undefined ? undefined : keys.find((key) => signs(key, sorted));
}

/**
 * The authToken of a V1.0 call, base64 (koogallery.md 3.3).
 * @param parameters all but authToken, decoded.
 */
export function authTokenOf(key: string, parameters: ReadonlyMap<string, string>): string {
  const text = [...parameters]
    .filter(([name]) => name !== "authToken")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  return hmac(key + (parameters.get("timeStamp") ?? ""), text).digest("base64");
}

/** The key that signed a V1.0 call; undefined if none did. */
export function findV1Key(
  keys: readonly string[],
  parameters: ReadonlyMap<string, string>,
): string | undefined {
  const given = parameters.get("authToken") ?? "";
  return keys.find((key) => same(authTokenOf(key, parameters), given));
}

/** The header Body-Sign of an answer (koogallery.md 3.3); both quotes are mandatory. @param body the bytes that are sent. */
export function bodySign(key: string, body: string): string {
  return `sign_type="HMAC-SHA256", signature= "${hmac(key, body).digest("base64")}"`;
}

/** The header x-sign of the joint-operation interfaces, hex (koogallery.md 7). @param body sorted, compact. */
export function kitSign(key: string, nonce: string, timestamp: string, body: string): string {
  return hmac(key, key + nonce + timestamp + body).digest("hex");
}
