import type { Endpoint } from "../http/endpoint.js";
import type { TransportCode } from "../http/transportCodes.js";
import type { Call, CallRecord, CallResult, Evidence } from "../client.js";
import { attempt, emptyEvidence, type Attempt, type AttemptDeps } from "./attempt.js";
import { LIMITS } from "./site.js";
import type { PushWay } from "./way.js";
import { bodyOf } from "./wire.js";

export interface SubmitDeps extends AttemptDeps {
  /** The primary host first. */
  endpoints: readonly Endpoint[];
}

/**
 * Sends one call: to its own host, or to the first host that accepts the connection. The next host is tried only
 * while no byte was sent (SPEC 5). If the signature is refused and the reply shows our clock to be off, it is signed
 * again and sent once more immediately. Records are sent by the interface they were frozen for, whichever is chosen
 * now.
 * @throws RangeError for an empty call or a repeated record
 */
export async function submit(deps: SubmitDeps, call: Call): Promise<CallResult> {
  checkRecords(call.records);
  const body = bodyOf(call.records.map((record) => record.wire));
  const unsent = (
    verdict:
      | { kind: "split"; code: TransportCode; pieces?: number[] }
      | { kind: "halt"; code: TransportCode; alone?: true },
  ): CallResult => {
    const host = call.host ?? deps.endpoints[0]!.host;
    return { ...verdict, evidence: emptyEvidence(host, body, deps.now()), earlier: [] };
  };
  const { length } = call.records;
  const isTooLarge = length > LIMITS.recordsPerCall || (length > 1 && body.length > LIMITS.callBytes);
  if (isTooLarge) return unsent({ kind: "split", code: "CALL_TOO_LARGE" });
  const pieces = sameKeyRuns(deps, call.records);
  if (pieces.length > 1) return unsent({ kind: "split", code: "SEVERAL_KEYS", pieces });
  const way = wayOf(deps, call.records[0]!);
  if (!way?.isReady()) return unsent({ kind: "halt", code: "OTHER_PUSH", alone: true });
  checkNames(way, call.records);
  const hosts = deps.endpoints.filter(({ host }) => call.host === undefined || call.host === host);
  if (hosts.length === 0) return unsent({ kind: "halt", code: "UNKNOWN_HOST" });
  return send(deps, way, hosts, body, call.records, call.signal);
}

/** Sends a body as {@link submit} does, to the first of these hosts that accepts the connection. */
export async function send(
  deps: AttemptDeps,
  way: PushWay,
  hosts: readonly Endpoint[],
  body: Buffer,
  records: readonly CallRecord[],
  signal: AbortSignal | undefined,
): Promise<CallResult> {
  const earlier: Evidence[] = [];
  for (const [index, endpoint] of hosts.entries()) {
    let last = await attempt(deps, way, endpoint, body, records, signal);
    if (isOutOfTime(way, last) && deps.skew.correctionMs() !== last.signedWithMs) {
      earlier.push(last.evidence);
      last = await attempt(deps, way, endpoint, body, records, signal);
      return { ...last.verdict, evidence: last.evidence, earlier };
    }
    const isLast = index === hosts.length - 1 || signal?.aborted === true;
    if (last.evidence.bytesSent || isLast) return { ...last.verdict, evidence: last.evidence, earlier };
    earlier.push(last.evidence);
  }
  throw new RangeError("a call needs at least one host");
}

function wayOf({ ways }: SubmitDeps, { wireVersion }: CallRecord): PushWay | undefined {
  return wireVersion === undefined ? ways.chosen : ways.byVersion.get(wireVersion);
}

/** Lengths of the runs of records with the same interface and signing key, because a call has one signature. */
function sameKeyRuns(deps: SubmitDeps, records: readonly CallRecord[]): number[] {
  const runs: number[] = [];
  let before: string | undefined;
  for (const record of records) {
    const way = wayOf(deps, record);
    const key = `${way?.wireVersion} ${way?.signerOf(record.product)}`;
    if (key === before) runs[runs.length - 1]! += 1;
    else runs.push(1);
    before = key;
  }
  return runs;
}

function isOutOfTime(way: PushWay, { verdict }: Attempt): boolean {
  return verdict.kind === "halt" && way.isOutOfTime(verdict.code);
}

function checkRecords(records: readonly CallRecord[]): void {
  if (records.length === 0) throw new RangeError("a call needs at least one record");
  const serials = new Set(records.map((record) => record.serialNumber));
  if (serials.size !== records.length) throw new RangeError("a serial number is twice in one call");
}

/** A reply could not distinguish two records with one name. */
function checkNames(way: PushWay, records: readonly CallRecord[]): void {
  if (new Set(records.map(way.nameOf)).size !== records.length)
    throw new RangeError("two records of one call have the same instance, begin and end");
}
