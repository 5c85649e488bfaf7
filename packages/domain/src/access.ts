/**
 * What a key may do: `ingest` sends events, `operator` does everything, the others read. Keys are the seller's: an
 * ingest key may be limited to sources, any other one to accounts.
 */
export const KEY_ROLES = ["ingest", "operator", "finance", "auditor"] as const;
export type KeyRole = (typeof KEY_ROLES)[number];
