import { createHash, createHmac } from "node:crypto";
import { formatCompact, type Micros } from "@quarterpast/domain";

const ALGORITHM = "SDK-HMAC-SHA256";
const hex = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");

/** A request to sign. Names of headers are lower-case and include `host` and `x-sdk-date`. */
export interface ApigRequest {
  method: string;
  path: string;
  query: readonly (readonly [name: string, value: string])[];
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
}

/** The AK/SK signature of a request, hex (koogallery.md 4.3). All its headers are signed. */
export function apigSignature(sk: string, request: ApigRequest): string {
  const names = Object.keys(request.headers).sort();
  const canonical = [
    request.method,
    request.path.endsWith("/") ? request.path : `${request.path}/`,
    queryString(request.query),
    ...names.map((name) => `${name}:${request.headers[name]!.trim()}`),
    "",
    names.join(";"),
    hex(request.body),
  ].join("\n");
  const text = [ALGORITHM, request.headers["x-sdk-date"] ?? "", hex(canonical)].join("\n");
  return createHmac("sha256", sk).update(text).digest("hex");
}

/** The headers of a request signed with AK/SK at a real time. @param headers lower-case names, including `host`. */
export function apigHeaders(
  { ak, sk }: { ak: string; sk: string },
  at: Micros,
  request: ApigRequest,
): Record<string, string> {
  const headers = { ...request.headers, "x-sdk-date": formatCompact(at) };
  const signature = apigSignature(sk, { ...request, headers });
  const names = Object.keys(headers).sort().join(";");
  return {
    ...headers,
    authorization: `${ALGORITHM} Access=${ak}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

/** A query string as signed and sent: sorted by name, everything except unreserved characters as %XX. */
export function queryString(query: ApigRequest["query"]): string {
  return query
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .sort()
    .join("&");
}

function escape(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
