import type { CloudEvent } from "@quarterpast/domain/usage";
import { RequestRefused, type Refusal } from "./errors.js";
import { parseNamed, parseProblem, parseReceipt, type Receipt } from "./reply.js";
import { parseRetryAfter } from "./retry.js";

/** How one attempt to deliver a batch ended. */
export type Attempt =
  | ({ kind: "answered" } & Receipt)
  /** Nothing is accepted, because of the named events, by position. */
  | { kind: "none_taken"; rejected: Map<number, Refusal> }
  /** It is unknown whether anything was taken; the same batch is sent again. */
  | { kind: "failed"; cause: unknown; retryAfterMs?: number | undefined }
  /** The content is refused as a whole, possibly because of one event in it. */
  | { kind: "unreadable"; refusal: Refusal }
  | { kind: "refused"; error: RequestRefused };

const TIMEOUT_MS = 10_000;
const CONTENT_REFUSED = new Set([400, 413, 422]);
/** Statuses of a collector that names the events for which it took nothing. */
const NONE_TAKEN = new Set([422, 503]);
const RETRIED = new Set([408, 425, 429]);

/**
 * Creates the function that sends one batch once. Never throws.
 * @param deps `url` is the collector's address; `nowMs` is real time, for a Retry-After given as a date
 */
export function createPost(deps: { url: string; apiKey: string; fetch: typeof fetch; nowMs: () => number }) {
  const target = new URL("v1/events", deps.url.endsWith("/") ? deps.url : `${deps.url}/`).href;
  const headers = {
    authorization: `Bearer ${deps.apiKey}`,
    "content-type": "application/cloudevents-batch+json",
    accept: "application/json",
  };

  return async function post(events: readonly CloudEvent[], signal: AbortSignal): Promise<Attempt> {
    const ended = new AbortController();
    const abort = () => ended.abort(signal.reason);
    const timer = setTimeout(
      () => ended.abort(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)),
      TIMEOUT_MS,
    );
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    try {
      const request = { method: "POST", headers, body: JSON.stringify(events), signal: ended.signal };
      const response = await deps.fetch(target, { ...request, redirect: "manual" });
      return judge(response, await response.text(), events.length, deps.nowMs());
    } catch (cause) {
      return { kind: "failed", cause };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  };
}

function judge(response: Response, body: string, sent: number, nowMs: number): Attempt {
  const { status } = response;
  if (response.ok) {
    const receipt = parseReceipt(body, sent);
    if (receipt) return { kind: "answered", ...receipt };
    return {
      kind: "failed",
      cause: new Error(`${status} with an answer that does not account for the batch`),
    };
  }
  const rejected = NONE_TAKEN.has(status) ? parseNamed(body, sent) : undefined;
  if (rejected) return { kind: "none_taken", rejected };
  const { code, detail } = parseProblem(body);
  if (status >= 500 || RETRIED.has(status)) {
    const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"), nowMs);
    return { kind: "failed", cause: new RequestRefused(status, code, detail), retryAfterMs };
  }
  if (CONTENT_REFUSED.has(status) && code !== undefined) {
    return { kind: "unreadable", refusal: { code, detail, retryable: false } };
  }
  return { kind: "refused", error: new RequestRefused(status, code, detail) };
}
