import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import type { TransportCode } from "./transportCodes.js";

export interface ExchangeRequest {
  origin: string;
  path: string;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: Buffer;
  headersMs: number;
  totalMs: number;
  maxReplyBytes: number;
  signal?: AbortSignal | undefined;
}

/** How one HTTP attempt ended: a closed set. */
export type Exchange =
  | { kind: "reply"; status: number; headers: IncomingHttpHeaders; body: Buffer }
  /** Certainly no byte of the request was written. */
  | { kind: "not_sent"; code: TransportCode; detail: string }
  /** Bytes may have been written and there was no complete reply; `body` is the part received. */
  | { kind: "lost"; code: TransportCode; detail: string; status?: number; body: Buffer };

/**
 * One request with a deadline for all of it and a limit on the reply. Follows no redirects, retries nothing, never
 * rejects. Whether no byte was sent is known from the dispatcher: it starts a request just before its first write,
 * and a request cancelled earlier is stopped there.
 */
export function exchange(dispatcher: Dispatcher, request: ExchangeRequest): Promise<Exchange> {
  return new Promise((resolve) => {
    const { signal } = request;
    const chunks: Buffer[] = [];
    let size = 0;
    let settled = false;
    let controller: Dispatcher.DispatchController | undefined;
    let head: { status: number; headers: IncomingHttpHeaders } | undefined;

    const settle = (result: Exchange) => {
      if (settled) return;
      settled = true;
      clearTimeout(deadline);
      signal?.removeEventListener("abort", onAbort);
      resolve(result);
    };
    const fail = (code: TransportCode, detail: string) => {
      if (controller === undefined) return settle({ kind: "not_sent", code, detail });
      settle({
        kind: "lost",
        code,
        detail,
        ...(head && { status: head.status }),
        body: Buffer.concat(chunks),
      });
    };
    const giveUp = (code: TransportCode, detail: string) => {
      fail(code, detail);
      controller?.abort(new Error(detail));
    };
    const onAbort = () => giveUp("ABORTED", "given up by the caller");
    const deadline = setTimeout(
      () => giveUp("TIMEOUT", `no complete reply in ${request.totalMs} ms`),
      request.totalMs,
    );

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        if (settled) return started.abort(new Error("given up before it was sent"));
        controller = started;
      },
      onResponseStart(_, status, headers) {
        if (status >= 200) head = { status, headers };
      },
      onResponseData(_, chunk) {
        size += chunk.length;
        if (size > request.maxReplyBytes)
          return giveUp("REPLY_TOO_LARGE", `more than ${request.maxReplyBytes} bytes`);
        chunks.push(chunk);
      },
      onResponseEnd() {
        if (head) settle({ kind: "reply", ...head, body: Buffer.concat(chunks) });
        else fail("CUT", "no reply");
      },
      onResponseError(_, error) {
        fail(codeOf(error, controller !== undefined), detailOf(error));
      },
    };

    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      dispatcher.dispatch(optionsOf(request), handler);
    } catch (error) {
      fail(codeOf(error, controller !== undefined), detailOf(error));
    }
  });
}

function optionsOf(request: ExchangeRequest): Dispatcher.DispatchOptions {
  return {
    origin: request.origin,
    path: request.path,
    method: request.method,
    headers: request.headers,
    body: request.body ?? null,
    headersTimeout: request.headersMs,
    bodyTimeout: request.totalMs,
  };
}

function codeOf(error: unknown, sent: boolean): TransportCode {
  if (!sent) return "NOT_SENT";
  return /TIMEOUT/.test(errorCode(error)) ? "TIMEOUT" : "CUT";
}

function detailOf(error: unknown): string {
  const code = errorCode(error);
  return code !== "" ? code : error instanceof Error ? error.name : "error";
}

function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
