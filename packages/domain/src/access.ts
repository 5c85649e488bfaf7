/** What a key may do: `ingest` sends events, `operator` does everything, the others read. */
export const KEY_ROLES = ["ingest", "operator", "finance", "auditor"] as const;
export type KeyRole = (typeof KEY_ROLES)[number];
