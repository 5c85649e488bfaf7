import { showJson } from "@quarterpast/domain";
import { cleanText } from "../http/clean.js";
import { isObject } from "../json.js";
import { TRANSPORT_CODES } from "../http/transportCodes.js";
import type { CallRecord, RecordException, Verdict } from "../client.js";
import { firstText, type PushWay } from "./way.js";
import { CALL_CODES, normalCallCode, normalRecordCode, RECORD_CODES, ruleOfCallCode } from "./codes.js";

/**
 * The field's name is documented; its place in the reply and the names in its entries are not (koogallery.md 1.5).
 */
const ABNORMAL_LIST = "abnormal_usage_data";
const CODE_NAMES = ["error_code", "errorCode", "abnormal_code", "abnormalCode", "code"];
const DETAIL_NAMES = ["error_msg", "errorMsg", "abnormal_msg", "abnormalMsg", "message", "msg", "reason"];
const MAX_CODE_CHARS = 64;
const MAX_DETAIL_CHARS = 500;
const MAX_ENTRY_CHARS = 2_000;

/** The content of a reply: the code of the call, and its abnormal entries unparsed. */
export interface Reply {
  code: string;
  entries: unknown[];
}

/** Reads a reply's body; unknown fields are tolerated, a body without a code gives NO_CODE. */
export function readReply(body: Buffer): Reply {
  const json = parseJson(body.toString("utf8"));
  if (!isObject(json)) return { code: "NO_CODE", entries: [] };
  const code = json["error_code"] ?? json["errorCode"];
  return {
    code: typeof code === "string" ? cleanText(normalCallCode(code), MAX_CODE_CHARS) : "NO_CODE",
    entries: findEntries(json),
  };
}

/** Decides what a reply means for the call with these records, and which of its entries match none of them. */
export function decide(
  reply: Reply,
  httpStatus: number,
  retryAfterMs: number | undefined,
  way: Pick<PushWay, "nameOf" | "nameIn">,
  records: readonly CallRecord[],
): { verdict: Verdict; unmatched: string[] } {
  const { exceptions, unmatched } = matchEntries(reply.entries, way, records);
  const { code } = reply;
  const { decision } = ruleOfCallCode(code, httpStatus);
  const later = retryAfterMs === undefined ? {} : { retryAfterMs };
  const alone = records.length <= 1;
  const suspects = exceptions.map((exception) => exception.serialNumber);
  const verdictOf = (): Verdict => {
    switch (decision.kind) {
      case "accepted":
        return { kind: "accepted", exceptions };
      case "refused":
        return { kind: "refused", code, outcome: decision.outcome, bisect: !alone, suspects };
      case "by_record":
        // Without a name, only cutting shows which record it is.
        if (exceptions.length === 0)
          return { kind: "refused", code, outcome: "rejected_fixable", bisect: !alone, suspects };
        return { kind: "accepted", exceptions: [...exceptions, ...othersNotTaken(records, suspects, code)] };
      case "split":
        // A single record cannot be split, so it is refused.
        if (alone) return { kind: "refused", code, outcome: "rejected_fixable", bisect: false, suspects };
        return { kind: "split", code };
      case "halt":
        return { kind: "halt", code };
      case "retry":
      case "unknown":
        return { kind: decision.kind, code, ...later };
    }
  };
  return { verdict: verdictOf(), unmatched };
}

/** The records of a refused call that its reply does not name: not taken either, and sent again without the named ones. */
function othersNotTaken(
  records: readonly CallRecord[],
  named: readonly string[],
  code: string,
): RecordException[] {
  const known = new Set(named);
  const others = records.filter(({ serialNumber }) => !known.has(serialNumber));
  const detail = CALL_CODES[code]!.meaning.en;
  return others.map(({ serialNumber }) => ({ serialNumber, outcome: "not_taken", code, detail }));
}

/**
 * Without a depth limit: the code at the top counts, whatever else a reply contains. Nothing here may recurse into
 * it.
 */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Every list of abnormal records, at any depth; not recursive, because a reply may nest as deep as it is long. */
function findEntries(root: unknown): unknown[] {
  const found: unknown[] = [];
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) for (const item of value) open.push(item);
    if (!isObject(value)) continue;
    for (const [name, child] of Object.entries(value)) {
      // extra_info, and the list itself, may come as JSON inside a string.
      const content = typeof child === "string" && child.includes('"') ? (parseJson(child) ?? child) : child;
      if (name !== ABNORMAL_LIST || isNestedList(content)) open.push(content);
      else if (Array.isArray(content)) for (const entry of content) found.push(entry);
      else if (content !== null && content !== "") found.push(content);
    }
  }
  return found;
}

function isNestedList(value: unknown): boolean {
  return isObject(value) && Object.hasOwn(value, ABNORMAL_LIST);
}

function matchEntries(
  entries: readonly unknown[],
  { nameOf, nameIn }: Pick<PushWay, "nameOf" | "nameIn">,
  records: readonly CallRecord[],
) {
  if (entries.length === 0) return { exceptions: [], unmatched: [] };
  const ours = new Map(records.map((record) => [nameOf(record), record.serialNumber]));
  const bySerial = new Map<string, RecordException>();
  const unmatched: string[] = [];
  for (const entry of entries) {
    const serialNumber = isObject(entry) ? ours.get(nameIn(entry) ?? "") : undefined;
    const exception = serialNumber === undefined ? undefined : exceptionOf(entry as object, serialNumber);
    const known = exception && bySerial.get(exception.serialNumber);
    if (known && known.code === exception?.code) continue;
    if (!exception || known) {
      unmatched.push(cleanText(showJson(entry), MAX_ENTRY_CHARS));
    } else {
      bySerial.set(exception.serialNumber, exception);
    }
  }
  return { exceptions: [...bySerial.values()], unmatched };
}

function exceptionOf(given: object, serialNumber: string): RecordException {
  const entry = given as Record<string, unknown>;
  const code = normalRecordCode(firstText(entry, CODE_NAMES) ?? "NO_CODE");
  const known = Object.hasOwn(RECORD_CODES, code) ? RECORD_CODES[code] : undefined;
  return {
    serialNumber,
    // An abnormal entry with an unknown reason: neither taken nor refused for certain.
    outcome: known?.outcome ?? "unknown",
    code: cleanText(code, MAX_CODE_CHARS),
    detail: cleanText(
      firstText(entry, DETAIL_NAMES) ?? known?.meaning.en ?? TRANSPORT_CODES.NO_CODE.en,
      MAX_DETAIL_CHARS,
    ),
  };
}
