import {
  checkAnchors,
  formatInstant,
  HOUR,
  parseInstant,
  type Depth,
  type HourVerdict,
} from "@quarterpast/domain";
import { apiOf, theAccount } from "../command.js";
import type { Stack } from "@quarterpast/stack/find";
import type { FolderVerdict } from "./folder.js";
import { verifyHours, type HoursJob } from "./hours.js";
import { verifyInParts } from "./parts.js";

export interface LedgerOptions {
  from: string;
  to: string;
  /** Used instead of the key that the stack itself returns. */
  keys?: ReadonlyMap<string, string> | undefined;
  /** Lines of an anchor file; without them anchors are not checked. */
  anchors?: readonly string[] | undefined;
  depth: Depth;
}

/**
 * Verifies hours of a running ledger: everything is computed again here from its present rows, and compared with the
 * signed manifests.
 */
export async function verifyLedger(stack: Stack, options: LedgerOptions): Promise<FolderVerdict> {
  const { depth } = options;
  const job = await readJob(stack, options);
  const hours: HourVerdict[] = [];
  // Residues continue from hour to hour in every instance, so checking them takes a single run.
  for await (const verdict of depth === "chain" ? verifyInParts(job) : verifyHours(job)) hours.push(verdict);
  const findings = hours.flatMap((verdict) => verdict.findings);
  if (options.anchors) findings.push(...checkAnchors(options.anchors, hours, false));
  return { hours, findings };
}

/** What to verify of a stack: the manifests of the span, and what is known before them. */
export async function readJob(stack: Stack, { from, to, keys, depth }: LedgerOptions): Promise<HoursJob> {
  const api = apiOf(stack);
  const { account } = await theAccount(api);
  const before = formatInstant(Math.max(0, parseInstant(from)! - HOUR));
  const { items } = await api.listManifests({ query: { account, from: before, to } });
  const manifests = items.filter(({ hour }) => parseInstant(hour)! >= parseInstant(from)!);
  return {
    stack: { apiUrl: stack.apiUrl, apiKey: stack.apiKey },
    account,
    keys: keys ?? (await fetchKeys(stack)),
    depth,
    before: items.length > manifests.length ? items[0] : undefined,
    manifests,
  };
}

/** The public keys of a stack, by id. */
export async function fetchKeys(stack: Stack): Promise<Map<string, string>> {
  const { items } = await apiOf(stack).listProofKeys();
  return new Map(items.map(({ keyId, publicKey }) => [keyId, publicKey]));
}
