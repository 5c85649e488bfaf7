import { SECOND, type Micros } from "@quarterpast/domain";
import type { StorefrontIo } from "../../storefront.js";
import { allKeys, type Keyring } from "../keyring.js";
import { refuse, type Answer } from "./call.js";
import { readQuery, type Parameters } from "./query.js";
import { findV1Key, findV2Key } from "./sign.js";
import { parseDigits, parseTimestamp } from "./times.js";

/** What checking calls uses. */
export interface AdmitDeps extends Pick<StorefrontIo, "real" | "isFirst"> {
  /** The valid interconnection keys; several of one owner while a key is rotated. */
  keys: () => Keyring;
  /** How far a call's time may differ from ours, in real seconds. */
  windowSeconds: { v1: number; v2: number };
}

/** A call signed with one of our keys, in time, for the first time. */
export interface Admitted {
  key: string;
  parameters: Parameters;
}

export type Admission = ({ ok: true } & Admitted) | { ok: false; answer: Answer };

const refused = (answer: Answer): Admission => ({ ok: false, answer });
const MAX_NONCE_CHARS = 256;

/**
 * Checks a V2.0 call (koogallery.md 3.1): time, then signature, then that it is not a replay. Signatures use real
 * time.
 */
export async function admitV2(deps: AdmitDeps, query: string, body: Buffer): Promise<Admission> {
  const parameters = readQuery(query)[0] ?? new Map<string, string>();
  const [signature = "", timestamp = "", nonce = ""] = ["signature", "timestamp", "nonce"].map((name) =>
    parameters.get(name),
  );
  if (signature === "") return refused(refuse("000001", "authentication failed: signature is missing"));
  if (nonce === "" || nonce.length > MAX_NONCE_CHARS)
    return refused(refuse("000002", "invalid parameter: nonce"));
  const at = parseTimestamp(timestamp);
  const window = deps.windowSeconds.v2 * SECOND;
  if (at === undefined || isStale(deps, at, window))
    return refused(refuse("000002", "invalid parameter: timestamp"));
  const key = findV2Key(allKeys(deps.keys()), body, { signature, timestamp, nonce });
  if (key === undefined) return refused(refuse("000001", "authentication failed"));
  if (!(await isFirst(deps, nonce, at + window)))
    return refused(refuse("000002", "invalid parameter: nonce was used before"));
  return { ok: true, key, parameters };
}

/**
 * Checks a V1.0 call (koogallery.md 3.3). It has no nonce: its token serves as one if a repetition could change
 * something; debugging cases, purchases and queries may be repeated.
 */
export async function admitV1(deps: AdmitDeps, query: string): Promise<Admission> {
  const keys = allKeys(deps.keys());
  for (const parameters of readQuery(query)) {
    const key = findV1Key(keys, parameters);
    if (key === undefined) continue;
    const at = parseDigits(parameters.get("timeStamp") ?? "");
    const window = deps.windowSeconds.v1 * SECOND;
    if (at === undefined || isStale(deps, at, window))
      return refused(refuse("000002", "invalid parameter: timeStamp"));
    const mayRepeat =
      parameters.get("testFlag")?.trim() === "1" ||
      ["newInstance", "queryInstance"].includes(parameters.get("activity") ?? "");
    if (!mayRepeat && !(await isFirst(deps, parameters.get("authToken")!, at + window)))
      return refused(refuse("000002", "invalid parameter: authToken was used before"));
    return { ok: true, key, parameters };
  }
  return refused(refuse("000001", "authentication failed"));
}

function isStale({ real }: AdmitDeps, at: Micros, window: Micros): boolean {
  return Math.abs(real() - at) > window;
}

/**
 * A nonce is forgotten some time after a call with it would be refused for its age, because clocks of processes
 * differ.
 */
function isFirst(deps: AdmitDeps, nonce: string, staleAt: Micros): Promise<boolean> {
  return deps.isFirst({ nonce, forgetAt: staleAt + 60 * SECOND });
}
