import { createHmac } from "node:crypto";

/** Headers of one signed attempt (koogallery.md 1.2, 1.3). `ts` is real time in ms, `nonce` up to 64 characters. */
export function signedHeaders(key: string, ts: number, nonce: string, body: Buffer): Record<string, string> {
  return {
    "content-type": "application/json",
    nonce,
    signature: createHmac("sha256", key)
      .update(`ts=${ts}&nonce=${nonce}&body=`, "utf8")
      .update(body)
      .digest("base64"),
    ts: String(ts),
  };
}
