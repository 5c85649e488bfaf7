import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** The AK of the order query and of the old push; its SK is the interconnection key. */
export const SANDBOX_AK = "sandbox";

const hmac = (key: string, text: string) => createHmac("sha256", key).update(text, "utf8").digest("hex");
const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

const FRESH_MS = 15 * 60_000;

/** Whether a request has a valid AK/SK signature, as the API gateway checks it (specification 4.3). */
export function isSigned(
  request: { method: string; url: string; headers: IncomingHttpHeaders; body: Uint8Array },
  { ak, sk }: { ak: string; sk: string },
  now: number,
): boolean {
  const { authorization = "" } = request.headers;
  const match = /^SDK-HMAC-SHA256 Access=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
    authorization,
  );
  if (!match || match[1] !== ak) return false;
  const names = match[2]!.split(";");
  const date = String(request.headers["x-sdk-date"] ?? "");
  const iso = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  if (!names.includes("x-sdk-date") || !(Math.abs(Date.parse(iso) - now) <= FRESH_MS)) return false;
  const [path, query = ""] = request.url.split("?") as [string, string?];
  const canonical = [
    request.method,
    path.endsWith("/") ? path : `${path}/`,
    query.split("&").sort().join("&"),
    ...names.map((name) => `${name}:${String(request.headers[name] ?? "").trim()}`),
    "",
    match[2]!,
    sha256(request.body),
  ].join("\n");
  const expected = hmac(sk, ["SDK-HMAC-SHA256", date, sha256(canonical)].join("\n"));
  return timingSafeEqual(Buffer.from(expected), Buffer.from(match[3]!));
}
