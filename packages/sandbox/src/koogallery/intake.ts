import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { ProductClock } from "./clock.js";
import { disturb, type Listed } from "./faults/records.js";
import type { Drawn } from "./faults/faults.js";
import type { Book } from "./ledger/book.js";
import type { CallLog } from "./ledger/calls.js";
import type { Journal } from "./ledger/journal.js";
import type { CallLine } from "./ledger/lines.js";
import { authenticate, createNonces, type AuthRules } from "./rules/authenticate.js";
import { refusal, type Refusal } from "./rules/codes.js";
import { admissionFault, type Registry } from "./rules/instances.js";
import { isSigned, SANDBOX_AK } from "./rules/akSk.js";
import { parseRequest, type Push, type RecordChecks, type UsageRecord } from "./rules/request.js";
import type { SandboxLogger } from "../port.js";

export type IntakeParts = {
  auth: AuthRules;
  checks: RecordChecks;
  validationDelayMs: number;
  book: Book;
  calls: CallLog;
  journal: Journal;
  registry: Registry;
  clock: ProductClock;
  realNow: () => number;
  logger: SandboxLogger;
};

export type PushCall = {
  push: Push;
  /** As requested, including the query. */
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  drawn: Drawn | null;
  serverNow: number;
};
export type PushResult = { ok: true; listed: Listed[] } | { ok: false; refusal: Refusal };

export type Intake = {
  /** Checks a call and stores it; "ok" comes only once the records are on disk. */
  push(call: PushCall): Promise<PushResult>;
  /** Records a call that a fault kept from the marketplace. */
  noteKept(push: Push, body: Buffer | null, fault: string, http: number): void;
};

/** The marketplace's receiving side: verification, admission, the raw store. */
export function createIntake(parts: IntakeParts): Intake {
  const { book, calls, journal, clock, realNow, logger } = parts;
  const nonces = createNonces(2 * parts.auth.skewLimitMs);

  function lineFor(
    push: Push,
    body: Buffer | null,
    http: number,
    code: string,
    fault: string | undefined,
  ): CallLine {
    return {
      kind: "call",
      call: calls.nextNumber(),
      at: new Date(realNow()).toISOString(),
      product: new Date(clock.now()).toISOString(),
      ...(body && { sha256: createHash("sha256").update(body).digest("hex") }),
      bytes: body?.length ?? 0,
      http,
      code,
      ...(fault !== undefined && { fault }),
      ...(push === "old" && { push }),
    };
  }

  function note(line: CallLine): void {
    calls.note(line);
    journal.append([line]).catch((error: unknown) => {
      logger.error({ err: error, call: line.call }, "a refused call could not be noted in the store");
    });
  }

  function deny(call: PushCall): Refusal | null {
    const { push, url, headers, body, serverNow } = call;
    if (push === "new") return authenticate(headers, body, parts.auth, nonces, serverNow);
    const accessKey = { ak: SANDBOX_AK, sk: parts.auth.key };
    const isRight = isSigned({ method: "POST", url, headers, body }, accessKey, serverNow);
    return isRight ? null : refusal("MKT.0154", "AK/SK signature does not match, or is out of time");
  }

  function verify(call: PushCall): UsageRecord[] | Refusal {
    const denied = deny(call);
    if (denied) return denied;
    const parsed = parseRequest(call.body, parts.checks, call.push);
    if (!parsed.ok) return parsed.refusal;
    return admissionFault(parsed.records, parts.registry, parts.checks, clock.now()) ?? parsed.records;
  }

  async function store(records: UsageRecord[], { push, body, drawn }: PushCall): Promise<PushResult> {
    const { stored, listed, dropped, invented, forced, void: told } = disturb(records, drawn);
    const line: CallLine = {
      ...lineFor(push, body, 200, "MKT.0000", drawn?.rule.mode),
      ...(stored.length > 0 && { first: book.reserve(stored.length), records: stored }),
      ...(dropped.length > 0 && { dropped }),
      ...(invented > 0 && { invented }),
      ...(Object.keys(forced).length > 0 && { forced }),
      ...(Object.keys(told).length > 0 && { void: told }),
    };
    try {
      await journal.append([line]);
    } catch (error) {
      logger.error({ err: error, call: line.call }, "the store cannot be written; the call is refused");
      return { ok: false, refusal: refusal("MKT.0999", "the store cannot be written") };
    }
    calls.note(line);
    const delay = drawn?.rule.mode === "abnormal" ? drawn.rule.afterMs : undefined;
    book.admit(line, realNow() + (delay ?? parts.validationDelayMs));
    return { ok: true, listed };
  }

  return {
    async push(call) {
      const verified = verify(call);
      if (Array.isArray(verified)) return store(verified, call);
      const { http, code, detail } = verified;
      note({ ...lineFor(call.push, call.body, http, code, call.drawn?.rule.mode), detail });
      return { ok: false, refusal: verified };
    },
    noteKept: (push, body, fault, http) => note(lineFor(push, body, http, "-", fault)),
  };
}
