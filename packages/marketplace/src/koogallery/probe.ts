import type { KeyState } from "@quarterpast/domain";
import type { CallResult, ProbeResult } from "../client.js";
import { ruleOfCallCode } from "./codes.js";
import { send, type SubmitDeps } from "./submit.js";
import { bodyOf } from "./wire.js";

/**
 * Sends an empty list of records, which cannot bill anything. The answer shows whether the marketplace is reachable,
 * whether it accepts the key's signature (any complaint about the content means that it does), and how far off our
 * clock is.
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
