import { ERRORS, type ErrorCode } from "@quarterpast/domain/usage";
import type { Refusal } from "./errors.js";

/** What the collector answers to a batch that it has read. */
export interface Receipt {
  accepted: number;
  /** By index in the batch. */
  rejected: Map<number, Refusal>;
}

/**
 * Reads a 2xx body. @returns undefined if it does not account for each of the `sent` events: then nothing counts as
 * acknowledged.
 */
export function parseReceipt(body: string, sent: number): Receipt | undefined {
  const reply = parseObject(body);
  const rejected = readRefusals(reply, sent);
  if (!reply || !rejected || !Number.isSafeInteger(reply["accepted"])) return undefined;
  const accepted = reply["accepted"] as number;
  return accepted + rejected.size === sent ? { accepted, rejected } : undefined;
}

/**
 * The events that a refusal of a whole request names, by position: those are refused, the others only not accepted.
 * @returns undefined if it names none, or not in the collector's form.
 */
export function parseNamed(body: string, sent: number): Map<number, Refusal> | undefined {
  const rejected = readRefusals(parseObject(body), sent);
  return rejected && rejected.size > 0 ? rejected : undefined;
}

function readRefusals(reply: Record<string, unknown> | undefined, sent: number) {
  if (!Array.isArray(reply?.["rejected"])) return undefined;
  const rejected = new Map<number, Refusal>();
  for (const item of reply["rejected"] as unknown[]) {
    const { index, refusal } = readRefusal(item);
    if (refusal === undefined || index < 0 || index >= sent || rejected.has(index)) return undefined;
    rejected.set(index, refusal);
  }
  return rejected;
}

function readRefusal(item: unknown): { index: number; refusal?: Refusal } {
  if (typeof item !== "object" || item === null) return { index: -1 };
  const { index, code, field, detail, retryable } = item as Record<string, unknown>;
  if (!Number.isSafeInteger(index) || typeof code !== "string") return { index: -1 };
  const refusal = {
    code: code as ErrorCode,
    field: typeof field === "string" ? field : undefined,
    detail: typeof detail === "string" ? detail : code,
    retryable: retryable === true,
  };
  return { index: index as number, refusal };
}

/** Reads the problem+json of a refused call; code is undefined if the body is not the collector's. */
export function parseProblem(body: string): { code: ErrorCode | undefined; detail: string } {
  const problem = parseObject(body);
  const code = problem?.["code"];
  const detail = problem?.["detail"] ?? problem?.["title"];
  return {
    code: typeof code === "string" && code in ERRORS ? (code as ErrorCode) : undefined,
    detail: typeof detail === "string" ? detail : body.slice(0, 200),
  };
}

function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
