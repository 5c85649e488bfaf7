import { createHash } from "node:crypto";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * The 128-bit key of an event id, in UUID form: the id itself if it is a canonical (lower-case) UUIDv7, else SHA-256
 * of its UTF-8 bytes, cut and marked as version 8. A function of the id only, never of a clock (SPEC 2).
 */
export function eventKey(id: string): string {
  if (isUuidV7(id)) return id;
  const bytes = createHash("sha256").update(id, "utf8").digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return asUuid(bytes.toString("hex"));
}

/** Whether an id is a UUIDv7 in its canonical form. */
export function isUuidV7(id: string): boolean {
  return UUID_V7.test(id);
}

/** Whether the key is the id itself, so that the id need not be stored beside it. */
export function keyIsId(key: string): boolean {
  return key[14] === "7";
}

function asUuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** What makes two sendings of one id the same event: all that is metered, in canonical form. */
export interface Payload {
  subject: string;
  meter: string;
  time: number;
  quantity?: string | undefined;
  value?: string | undefined;
  /** What it does to another event: `corrects …` or `cancels …`. */
  correction?: string | undefined;
  /** Code of the account that it names. */
  account?: string | undefined;
}

/**
 * 128 bits of SHA-256 over the metered content, in UUID form. Fields are length-prefixed, so that no two payloads
 * share one preimage; quantities are canonical, so `1`, `1.0` and `"1"` hash alike.
 */
export function payloadHash(payload: Payload): string {
  const fields = [payload.subject, payload.meter, String(payload.time), payload.quantity, payload.value];
  // Events that correct nothing and name no account hash as they did before these fields existed.
  if (payload.correction !== undefined) fields.push(payload.correction);
  if (payload.account !== undefined) fields.push(`account ${payload.account}`);
  const preimage = fields.map((field) => (field === undefined ? "-" : `${field.length}:${field}`)).join("");
  return asUuid(createHash("sha256").update(preimage, "utf8").digest("hex").slice(0, 32));
}

/** The key of a value counted by a `unique` meter: 128 bits of SHA-256, in UUID form. */
export function valueKey(value: string): string {
  return asUuid(createHash("sha256").update(value, "utf8").digest("hex").slice(0, 32));
}

/** Shards per account. Never changes, because an instance's shard decides its chain. */
export const SHARDS = 8;

/** The shard of an instance: a fixed hash of its marketplace id. */
export function shardOf(instanceId: string): number {
  return createHash("sha256").update(instanceId, "utf8").digest()[0]! % SHARDS;
}
