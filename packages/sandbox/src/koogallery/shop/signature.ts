import { createHmac } from "node:crypto";

const hmac = (key: string, text: string) => createHmac("sha256", key).update(text, "utf8").digest("hex");

/** The query of a V2.0 call to the seller (specification 3.1). */
export function signedQuery(key: string, body: string, timestamp: number, nonce: string): string {
  const signature = hmac(key, `${key}${nonce}${timestamp}${hmac(key, body)}`);
  return new URLSearchParams({ signature, timestamp: String(timestamp), nonce }).toString();
}
