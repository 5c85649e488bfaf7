import type { KeyState } from "@quarterpast/domain";
import type { CallResult, ProbeResult } from "../client.js";
import { ruleOfCallCode } from "./codes.js";
import { send, type SubmitDeps } from "./submit.js";
import { bodyOf } from "./wire.js";

/**
 * Asks with an empty list of records: there is nothing in it to bill. The answer tells whether the marketplace is
 * there, whether it takes the key's signature (any complaint about the content: it does), and how far our clock is off.
 */
export async function probe(deps: SubmitDeps, signal: AbortSignal | undefined): Promise<ProbeResult> {
  const { chosen } = deps.ways;
  const result = await send(deps, chosen, deps.endpoints, bodyOf([]), [], signal);
  const code = result.kind === "accepted" ? "MKT.0000" : result.code;
  return {
    reachable: result.evidence.httpStatus !== undefined && code !== "NO_CODE",
    key: chosen.keyAt(code, result.evidence.httpStatus ?? 0) ?? keyState(code, result),
    code,
    skewMs: deps.skew.correctionMs(),
    evidence: result.evidence,
  };
}

function keyState(code: string, { evidence }: CallResult): KeyState {
  return ruleOfCallCode(code, evidence.httpStatus ?? 0).key;
}
