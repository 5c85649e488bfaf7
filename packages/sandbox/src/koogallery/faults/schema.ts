import { z } from "zod";

/** What can go wrong with a call; the README describes each in a line. */
export const FAULT_MODES = [
  "down",
  "slow",
  "drip",
  "error5xx",
  "accept_then_timeout",
  "accept_then_5xx",
  "throttled",
  "abnormal",
  "abnormal_sync",
  "partial",
  "garbage",
  "unknown_code",
  "forget",
  "invent",
  "redirect",
  "skew",
] as const;

const count = z.int().min(1);
const ms = z.int().min(0).max(86_400_000);

/** One rule: its mode, the calls it applies to, and the mode's own settings. */
export const faultSchema = z.strictObject({
  mode: z.enum(FAULT_MODES),
  /** Ends after this many hits; by default never. */
  times: count.optional(),
  /** Probability per call, drawn from the rule's own seeded sequence. */
  probability: z.number().min(0).max(1).default(1),
  seed: z.int().default(1),
  /** The calls it applies to, counted from 1 since the rules were set. */
  calls: z.array(count).optional(),
  /** Applies to each n-th call. */
  every: count.optional(),
  /** Product times between which it applies. */
  from: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  /** slow: the wait (2000); drip: the wait between bytes (50); accept_then_timeout: the cut (none); abnormal: the check. */
  afterMs: ms.optional(),
  /** error5xx (503), accept_then_5xx (502), unknown_code (200), redirect (307). */
  status: z.int().min(200).max(599).optional(),
  /** abnormal, abnormal_sync, partial: a record's code (003); unknown_code: the code (MKT.7777). */
  code: z.string().min(1).max(32).optional(),
  /** abnormal, abnormal_sync (1), partial (0.5): which share of the records, drawn from the seed. */
  share: z.number().min(0).max(1).optional(),
  /** partial, abnormal_sync: what happens to the listed rows. */
  rows: z.enum(["shuffle", "omit", "duplicate"]).optional(),
  /** garbage: html, invalid_json, empty, unknown_code; throttled: market (406) or gateway (429). */
  style: z.enum(["html", "invalid_json", "empty", "unknown_code", "market", "gateway"]).optional(),
  /** garbage, unknown_code: whether the call was taken nevertheless. */
  accepted: z.boolean().default(false),
  /** throttled: seconds (1). */
  retryAfter: z.int().min(0).max(86_400).default(1),
  /** skew: how far the server's clock is ahead, in seconds; below zero it is behind. */
  seconds: z.int().min(-86_400).max(86_400).default(1200),
  /** redirect: where to. */
  location: z.string().min(1).max(1000).optional(),
  /** drip: the reply is padded with blanks to this many bytes. */
  size: z.int().min(0).max(16_777_216).default(0),
});

export type FaultInput = z.input<typeof faultSchema>;
export type Fault = z.output<typeof faultSchema>;
