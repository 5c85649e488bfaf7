import type { Endpoint } from "../http/endpoint.js";
import type { TransportCode } from "../http/transportCodes.js";
import type { Call, CallRecord, CallResult, Evidence } from "../port.js";
import { attempt, emptyEvidence, type Attempt, type AttemptDeps } from "./attempt.js";
import { LIMITS } from "./site.js";
import { bodyOf } from "./wire.js";

export interface SubmitDeps extends AttemptDeps {
  /** The primary host first. */
  endpoints: readonly Endpoint[];
}

/**
 * Sends one call: to its own host, or to the first host that takes the connection. The next host is tried only while
 * no byte was sent (design, rule 5). Where the signature is refused and the reply shows our clock to be off, it is
 * signed anew and sent once more at once.
 * @throws RangeError for an empty call or a serial number twice in it
 */
export async function submit(deps: SubmitDeps, call: Call): Promise<CallResult> {
  checkRecords(call.records);
  const body = bodyOf(call.records.map((record) => record.wire));
  const unsent = (
    verdict:
      { kind: "split"; code: TransportCode; pieces?: number[] } | { kind: "halt"; code: TransportCode },
  ): CallResult => {
    const host = call.host ?? deps.endpoints[0]!.host;
    return { ...verdict, evidence: emptyEvidence(host, body, deps.now()), earlier: [] };
  };
  const { length } = call.records;
  const isTooLarge = length > LIMITS.recordsPerCall || (length > 1 && body.length > LIMITS.callBytes);
  if (isTooLarge) return unsent({ kind: "split", code: "CALL_TOO_LARGE" });
  const pieces = sameKeyRuns(deps, call.records);
  if (pieces.length > 1) return unsent({ kind: "split", code: "SEVERAL_KEYS", pieces });
  const hosts = deps.endpoints.filter(({ host }) => call.host === undefined || call.host === host);
  if (hosts.length === 0) return unsent({ kind: "halt", code: "UNKNOWN_HOST" });
  return send(deps, hosts, body, call.records, call.signal);
}

/** Sends a body as {@link submit} does, to the first of these hosts that takes the connection. */
export async function send(
  deps: AttemptDeps,
  hosts: readonly Endpoint[],
  body: Buffer,
  records: readonly CallRecord[],
  signal: AbortSignal | undefined,
): Promise<CallResult> {
  const earlier: Evidence[] = [];
  for (const [index, endpoint] of hosts.entries()) {
    let last = await attempt(deps, endpoint, body, records, signal);
    if (isOutOfTime(last) && deps.skew.correctionMs() !== last.signedWithMs) {
      earlier.push(last.evidence);
      last = await attempt(deps, endpoint, body, records, signal);
      return { ...last.verdict, evidence: last.evidence, earlier };
    }
    const isLast = index === hosts.length - 1 || signal?.aborted === true;
    if (last.evidence.bytesSent || isLast) return { ...last.verdict, evidence: last.evidence, earlier };
    earlier.push(last.evidence);
  }
  throw new RangeError("a call needs at least one host");
}

/** Lengths of the runs of records that one key signs: a call has one signature. */
function sameKeyRuns({ keyFor }: SubmitDeps, records: readonly CallRecord[]): number[] {
  const runs: number[] = [];
  let before: string | undefined;
  for (const { product } of records) {
    const key = keyFor(product).key.reveal();
    if (key === before) runs[runs.length - 1]! += 1;
    else runs.push(1);
    before = key;
  }
  return runs;
}

function isOutOfTime({ verdict }: Attempt): boolean {
  return verdict.kind === "halt" && verdict.code === "MKT.0102";
}

function checkRecords(records: readonly CallRecord[]): void {
  if (records.length === 0) throw new RangeError("a call needs at least one record");
  const serials = new Set(records.map((record) => record.serialNumber));
  if (serials.size !== records.length) throw new RangeError("a serial number is twice in one call");
}
