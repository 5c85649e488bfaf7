import { createHash, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { canonicalObject } from "../billing/record.js";
import { lineText } from "./archive.js";
import { formatCompact, type Micros } from "../time.js";

/**
 * What is signed about one hour of an account: counts, and the roots over everything the hour holds (failures.md
 * 6.5).
 */
export interface Manifest {
  account: string;
  /** Gapless per account, from 1. */
  number: number;
  hour: Micros;
  /** Hash of the account's previous manifest, 64 hex digits; zeros at the start. */
  prev: string;
  keyId: string;
  records: number;
  usages: number;
  events: number;
  /** Over record checksums (32 bytes each), sorted by serial number. */
  recordsRoot: string;
  /** Over the hour's usage lines, each with the root over its events. */
  usageRoot: string;
  /** Over the heads of the account's chains after this hour's records. */
  chainsRoot: string;
  totalsRoot: string;
  /** Over all bytes of the hour's export that precede its manifest line. */
  bodySha256: string;
}

export const MANIFEST_GENESIS = "0".repeat(64);
export const MANIFEST_VERSION = "1";

/** The canonical bytes of a manifest. */
export function manifestText(manifest: Manifest): string {
  return lineText("manifest", {
    account: manifest.account,
    body_sha256: manifest.bodySha256,
    chains_root: manifest.chainsRoot,
    events: String(manifest.events),
    hour: formatCompact(manifest.hour),
    key_id: manifest.keyId,
    number: String(manifest.number),
    prev: manifest.prev,
    records: String(manifest.records),
    records_root: manifest.recordsRoot,
    totals_root: manifest.totalsRoot,
    usage_root: manifest.usageRoot,
    usages: String(manifest.usages),
    v: MANIFEST_VERSION,
  });
}

const signedBytes = (text: string): Buffer => Buffer.from(`billman-v1\n${text}`, "utf8");

/** SHA-256 over the version line and the canonical bytes, in hex: the value that is chained and anchored. */
export function manifestHash(text: string): string {
  return createHash("sha256").update(signedBytes(text)).digest("hex");
}

/** The Ed25519 signature over the version line and the canonical bytes, 128 hex digits. */
export function signManifest(text: string, privateKey: KeyObject): string {
  return sign(null, signedBytes(text), privateKey).toString("hex");
}

/** Whether a signature was made with the key; false for anything but 128 lower-case hex digits. */
export function isSigned(text: string, signature: string, publicKey: string): boolean {
  if (!/^[0-9a-f]{128}$/.test(signature) || !/^[0-9a-f]{64}$/.test(publicKey)) return false;
  return verify(null, signedBytes(text), toKeyObject(publicKey), Buffer.from(signature, "hex"));
}

/** The 32 bytes of a key's public half, in hex. */
export function publicKeyOf(key: KeyObject): string {
  const { x } = createPublicKey(key).export({ format: "jwk" }) as { x: string };
  return Buffer.from(x, "base64url").toString("hex");
}

function toKeyObject(publicKey: string): KeyObject {
  const x = Buffer.from(publicKey, "hex").toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

/** The name of a public key: the first 16 hex digits of SHA-256 over its 32 bytes. */
export function proofKeyId(publicKey: string): string {
  return createHash("sha256").update(Buffer.from(publicKey, "hex")).digest("hex").slice(0, 16);
}

/** The line to store in a place that the operator cannot rewrite. */
export function anchorLine(anchor: { account: string; hash: string; hour: Micros; number: number }): string {
  return canonicalObject({
    account: anchor.account,
    hash: anchor.hash,
    hour: formatCompact(anchor.hour),
    number: String(anchor.number),
    v: MANIFEST_VERSION,
  });
}

/** The public key in the form that auditors get. */
export function proofKeyLine(publicKey: string): string {
  return canonicalObject({
    algorithm: "ed25519",
    key_id: proofKeyId(publicKey),
    public_key: publicKey,
    v: MANIFEST_VERSION,
  });
}
