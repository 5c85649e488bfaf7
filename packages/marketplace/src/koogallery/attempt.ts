import { createHash } from "node:crypto";
import type { Dispatcher } from "undici";
import { replyText } from "../http/clean.js";
import type { Endpoint } from "../http/endpoint.js";
import { exchange, type Exchange } from "../http/exchange.js";
import { retryAfterMs } from "../http/retryAfter.js";
import type { CallRecord, Evidence, Verdict } from "../client.js";
import type { CallTimeouts } from "../retry.js";
import { decide, readReply } from "./reply.js";
import type { Skew } from "./skew.js";
import type { PushWay, Ways } from "./way.js";

const MAX_REPLY_BYTES = 1024 * 1024;

export interface AttemptDeps {
  ways: Ways;
  dispatcher: Dispatcher;
  timeouts: CallTimeouts;
  skew: Skew;
  /** Real clock, ms. */
  now: () => number;
}

/** One signed POST and its meaning. */
export interface Attempt {
  verdict: Verdict;
  evidence: Evidence;
  /** The clock correction used in its signature. */
  signedWithMs: number;
}

/** Signs and sends a body once, to one host. */
export async function attempt(
  deps: AttemptDeps,
  way: PushWay,
  endpoint: Endpoint,
  body: Buffer,
  records: readonly CallRecord[],
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  const startedMs = deps.now();
  const signedWithMs = deps.skew.correctionMs();
  const path = endpoint.basePath + way.path;
  const atMs = Math.round(startedMs + signedWithMs);
  // All records of a call share one key; without records it is a probe with the account's key.
  const product = records[0]?.product;
  const { headers, isOwn } = way.sign({ host: endpoint.host, path, atMs, body, product });
  const isAlone = isOwn || way !== deps.ways.chosen;
  const result = await exchange(deps.dispatcher, {
    origin: endpoint.origin,
    path,
    method: "POST",
    headers,
    body,
    headersMs: deps.timeouts.headersMs,
    totalMs: deps.timeouts.totalMs,
    maxReplyBytes: MAX_REPLY_BYTES,
    signal,
  });
  const endedMs = deps.now();
  const offset =
    result.kind === "reply" ? deps.skew.learn(result.headers.date, startedMs, endedMs) : undefined;
  const { verdict: judged, unmatched } = judge(result, way, records);
  const verdict: Verdict = judged.kind === "halt" && isAlone ? { ...judged, alone: true } : judged;
  const evidence: Evidence = {
    ...emptyEvidence(endpoint.host, body, startedMs),
    bytesSent: result.kind !== "not_sent",
    durationMs: Math.max(0, endedMs - startedMs),
    unmatched,
    ...received(result),
    ...(offset !== undefined && { serverDateOffsetMs: offset }),
  };
  return { verdict, evidence, signedWithMs };
}

/** Evidence for a body of which nothing was sent. */
export function emptyEvidence(host: string, body: Buffer, startedMs: number): Evidence {
  return {
    host,
    sentSha256: createHash("sha256").update(body).digest("hex"),
    bytesSent: false,
    startedAt: Math.round(startedMs * 1000),
    durationMs: 0,
    unmatched: [],
  };
}

function judge(
  result: Exchange,
  way: PushWay,
  records: readonly CallRecord[],
): { verdict: Verdict; unmatched: string[] } {
  switch (result.kind) {
    case "not_sent":
      return { verdict: { kind: "retry", code: result.code }, unmatched: [] };
    case "lost":
      return { verdict: { kind: "unknown", code: result.code }, unmatched: [] };
    case "reply": {
      const after = retryAfterMs(result.headers["retry-after"], result.headers.date);
      return decide(readReply(result.body), result.status, after, way, records);
    }
  }
}

function received(result: Exchange): Partial<Evidence> {
  if (result.kind === "not_sent") return { transport: result.detail };
  const rawReply = result.body.length > 0 ? { rawReply: replyText(result.body) } : {};
  if (result.kind === "reply") return { httpStatus: result.status, ...rawReply };
  return {
    transport: result.detail,
    ...(result.status !== undefined && { httpStatus: result.status }),
    ...rawReply,
  };
}
