import { BILL_FINDING_KINDS } from "./finding.js";
import { WAITS_FOR } from "./product.js";
import { STATE_GROUPS } from "./state.js";

/**
 * What a person may have to settle: records by their state, differences of bills, what waits and cannot be billed, and
 * what hinders an opening.
 */
export const CASE_KINDS = [
  ...STATE_GROUPS.watched.map((state) => `record_${state}` as const),
  "extra",
  ...BILL_FINDING_KINDS.filter((kind) => kind !== "late").map((kind) => `bill_${kind}` as const),
  "event_conflict",
  "quarantine",
  "unbillable",
  "call_unknown",
  ...WAITS_FOR,
] as const;
export type CaseKind = (typeof CASE_KINDS)[number];

/** What is done about a case: the first two by the product, the others by a person. */
export const CASE_ACTS = [
  ...(["opened", "settled"] as const),
  ...(["assign", "note", "write_off", "close", "rereport", "resend", "choose", "ask"] as const),
] as const;

/** How a case ended. */
export const CASE_RESOLUTIONS = ["settled", "written_off", "closed"] as const;
export type CaseResolution = (typeof CASE_RESOLUTIONS)[number];
