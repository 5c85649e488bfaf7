import { createHash } from "node:crypto";
import { DAY, parseCompact, type Micros } from "@quarterpast/domain";
import {
  endpointOf,
  exchange,
  registerMarketplace,
  replyText,
  retryAfterMs,
  wrongSetting,
  type AccountDeclaration,
  type Call,
  type CallRecord,
  type CallResult,
  type ClientIo,
  type Evidence,
  type Exchange,
  type Marketplace,
  type MarketplaceClient,
  type Receipt,
  type RecordException,
  type Statement,
  type Verdict,
} from "@quarterpast/marketplace";
import { Agent } from "undici";
import { LIMITS, madeUpProfile, TIMEOUTS, WIRE_VERSION } from "./profile.js";

/** A small marketplace for the tests: the product does not know it, and must serve it nevertheless. */
export const madeUp: Marketplace<string> = {
  name: "madeup",
  sites: ["main", "careless"],
  settings: ["MADE_UP_URL", "MADE_UP_ZERO"],
  secrets: ["MADE_UP_KEY"],
  settingRows: [],
  profile: madeUpProfile,
  dayOffset: () => 0,
  readSecrets: (_account, { MADE_UP_KEY: key = "" }) =>
    key === "" ? wrongSetting("MADE_UP_KEY", "", { en: "a key", zh: "密钥" }) : { ok: true, value: key },
  client: createClient,
};

/** Registers the made-up marketplace in this process. */
export const registerMadeUp = (): void => registerMarketplace(madeUp);

const OUTCOMES: Record<string, Pick<RecordException, "outcome" | "proven">> = {
  SAME: { outcome: "duplicate", proven: true },
  // What is there is another record, unless it says what it holds.
  HELD: { outcome: "conflict" },
  BUSY: { outcome: "not_taken" },
  CLOSED: { outcome: "rejected_fixable" },
  OLD: { outcome: "expired" },
};

function createClient({ settings }: AccountDeclaration, key: () => string, io: ClientIo): MarketplaceClient {
  const { host, origin } = endpointOf("MADE_UP_URL", settings["MADE_UP_URL"] ?? "madeup.example");
  const timeouts = { ...TIMEOUTS, ...io.timeouts };
  const dispatcher = io.dispatcher ?? new Agent({ connect: { timeout: timeouts.connectMs } });

  async function send(records: readonly CallRecord[], signal?: AbortSignal) {
    const body = bodyOf(records);
    const startedMs = io.now();
    const result = await exchange(dispatcher, {
      ...{ origin, path: "/usage", method: "POST", body, signal },
      headers: { "content-type": "application/json", "x-key": key() },
      ...{ headersMs: timeouts.headersMs, totalMs: timeouts.totalMs, maxReplyBytes: 100_000 },
    });
    const evidence: Evidence = {
      ...unsent(body, startedMs),
      bytesSent: result.kind !== "not_sent",
      durationMs: io.now() - startedMs,
      ...(result.kind === "reply"
        ? { httpStatus: result.status, rawReply: replyText(result.body) }
        : { transport: result.detail }),
    };
    return { result, evidence };
  }

  const unsent = (body: Buffer, startedMs: number): Evidence => ({
    ...{ host, sentSha256: createHash("sha256").update(body).digest("hex"), bytesSent: false },
    ...{ startedAt: Math.round(startedMs * 1_000), durationMs: 0, unmatched: [] },
  });

  return {
    async submit(call) {
      const refused = refusalOf(call, host);
      if (refused) return { ...refused, evidence: unsent(bodyOf(call.records), io.now()), earlier: [] };
      const { result, evidence } = await send(call.records, call.signal);
      return { ...judge(result, call.records), evidence, earlier: [] } satisfies CallResult;
    },
    async probe(signal) {
      const { result, evidence } = await send([], signal);
      const verdict = judge(result, []);
      const code = verdict.kind === "accepted" ? "TAKEN" : verdict.code;
      const key = verdict.kind === "accepted" ? "right" : code === "BAD_KEY" ? "wrong" : "unknown";
      return { reachable: result.kind === "reply" && code !== "NO_CODE", key, code, skewMs: 0, evidence };
    },
    async statement(from, to, signal) {
      const asked = await exchange(dispatcher, {
        ...{ origin, path: "/days", method: "GET", headers: {}, signal },
        ...{ headersMs: timeouts.headersMs, totalMs: timeouts.totalMs, maxReplyBytes: 1_000_000 },
      });
      return asked.kind === "reply" ? dayLines(asked.body, from, to) : NOTHING_READ;
    },
    close: async () => {
      if (io.dispatcher === undefined) await dispatcher.destroy();
    },
  };
}

const NOTHING_READ: Statement = { lines: [], complete: false, problems: [] };

/** Days as lines without a serial number. */
function dayLines(body: Buffer, from: Micros, to: Micros): Statement {
  const { days } = JSON.parse(body.toString("utf8")) as {
    days: { day: string; instance: string; units: string }[];
  };
  const lines = days.map(({ day, instance: instanceId, units: quantity }): Statement["lines"][number] => {
    const begin = parseCompact(`${day}T000000Z`)!;
    return { serialNumber: "", instanceId, begin, end: begin + DAY, quantity, state: "billed" };
  });
  return { lines: lines.filter(({ begin }) => begin >= from && begin < to), complete: true, problems: [] };
}

const bodyOf = (records: readonly CallRecord[]): Buffer =>
  Buffer.from(`{"records":[${records.map(({ wire }) => wire).join(",")}]}`);

/** Why a call is not sent at all. @throws RangeError for one without records, or with a repeated one */
function refusalOf({ records, host }: Call, own: string): Verdict | undefined {
  if (records.length === 0) throw new RangeError("a call needs at least one record");
  if (new Set(records.map(({ serialNumber }) => serialNumber)).size !== records.length)
    throw new RangeError("a serial number is twice in one call");
  if (records.length > LIMITS.recordsPerCall) return { kind: "split", code: "CALL_TOO_LARGE" };
  const isKnown = records.map(({ wireVersion = WIRE_VERSION }) => wireVersion === WIRE_VERSION);
  if (!isKnown.includes(true)) return { kind: "halt", code: "UNKNOWN_WIRE", alone: true };
  if (isKnown.includes(false)) return { kind: "split", code: "UNKNOWN_WIRE", pieces: records.map(() => 1) };
  if (host !== undefined && host !== own) return { kind: "halt", code: "UNKNOWN_HOST" };
  return undefined;
}

/** The meaning of an answer: record by record if the call itself was taken. */
function judge(result: Exchange, records: readonly CallRecord[]): Verdict {
  if (result.kind === "not_sent") return { kind: "retry", code: result.code };
  if (result.kind === "lost") return { kind: "unknown", code: result.code };
  const { code, results } = readReply(result.body);
  switch (code) {
    case "TAKEN":
      return perRecord(records, results);
    case "BAD_CALL":
      return {
        ...{ kind: "refused", code, outcome: "rejected_fixable", bisect: records.length > 1, suspects: [] },
      };
    case "BAD_KEY":
      return { kind: "halt", code };
    case "TOO_FAST": {
      const after = retryAfterMs(result.headers["retry-after"], result.headers.date);
      return { kind: "retry", code, ...(after !== undefined && { retryAfterMs: after }) };
    }
    default:
      return { kind: "unknown", code };
  }
}

type Result = { status: string; receipt?: string; held?: string };
type Results = ReadonlyMap<string, Result>;

function perRecord(records: readonly CallRecord[], results: Results): Verdict {
  const exceptions: RecordException[] = [];
  const receipts: Receipt[] = [];
  for (const { serialNumber } of records) {
    const { status, receipt, held }: Result = results.get(serialNumber) ?? { status: "SILENT" };
    if (receipt !== undefined) receipts.push({ serialNumber, receipt });
    if (status === "TAKEN") continue;
    const told = OUTCOMES[status] ?? { outcome: "unknown" as const };
    if (status === "HELD" && held !== undefined)
      exceptions.push({ serialNumber, code: status, detail: "", outcome: "duplicate", held });
    else exceptions.push({ serialNumber, code: status, detail: "", ...told });
  }
  return { kind: "accepted", exceptions, receipts };
}

function readReply(body: Buffer): { code: string; results: Results } {
  try {
    const reply = JSON.parse(body.toString("utf8")) as {
      code?: unknown;
      results?: (Result & { ref: string })[];
    };
    const results = new Map((reply.results ?? []).map((one) => [one.ref, one]));
    return { code: typeof reply.code === "string" ? reply.code : "NO_CODE", results };
  } catch {
    return { code: "NO_CODE", results: new Map() };
  }
}
