import { parseCanonical } from "./archive.js";
import type { HourVerdict } from "./hourVerifier.js";
import { proofKeyId } from "./manifest.js";
import type { Finding } from "./proofProblems.js";

const ANCHOR_FIELDS = "account hash hour number v";
const KEY_FIELDS = "algorithm key_id public_key v";

/**
 * Compares manifests with the lines of an anchor file.
 * @param isWhole whether all exports were verified: then an anchor without a manifest means that the manifest was
 *   removed.
 */
export function checkAnchors(
  lines: readonly string[],
  verdicts: readonly HourVerdict[],
  isWhole: boolean,
): Finding[] {
  const findings: Finding[] = [];
  const made = new Map(verdicts.map((verdict) => [`${verdict.account}\n${verdict.number}`, verdict]));
  const anchored = new Set<HourVerdict>();
  for (const [at, line] of lines.entries()) {
    const fields = parseCanonical(line, ANCHOR_FIELDS);
    const where = `anchor line ${at + 1}`;
    if (!fields || fields.v !== "1") {
      findings.push({ code: "anchor_differs", hour: fields?.hour ?? "", where });
      continue;
    }
    const { hour = "", hash } = fields;
    const verdict = made.get(`${fields.account}\n${fields.number}`);
    if (verdict?.hash === hash && verdict?.hour === hour) anchored.add(verdict);
    else if (verdict)
      findings.push({ code: "anchor_differs", hour, where, expected: hash, found: verdict.hash });
    else if (isWhole) findings.push({ code: "manifest_missing", hour, where });
  }
  for (const verdict of verdicts) {
    if (!anchored.has(verdict))
      findings.push({ code: "anchor_missing", hour: verdict.hour, where: String(verdict.number) });
  }
  return findings;
}

/** Reads public keys from the lines of their file; undefined if a line is not as we wrote it. */
export function readProofKeys(lines: readonly string[]): Map<string, string> | undefined {
  const keys = new Map<string, string>();
  for (const line of lines) {
    const fields = parseCanonical(line, KEY_FIELDS);
    const { public_key: key = "", key_id: id = "" } = fields ?? {};
    if (!/^[0-9a-f]{64}$/.test(key) || fields?.algorithm !== "ed25519" || fields.v !== "1") return undefined;
    if (proofKeyId(key) !== id) return undefined;
    keys.set(id, key);
  }
  return keys;
}
