/**
 * What a key may do: `ingest` sends events, `operator` does everything, the others read. Keys are the seller's: an
 * ingest key may be limited to sources, any other key to accounts.
 */
export const KEY_ROLES = ["ingest", "operator", "finance", "auditor"] as const;
export type KeyRole = (typeof KEY_ROLES)[number];

/** What a marketplace made of our key when it was last asked: right, wrong, or not told. */
export const KEY_STATES = ["right", "wrong", "unknown"] as const;
export type KeyState = (typeof KEY_STATES)[number];
