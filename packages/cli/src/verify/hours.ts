import type { ItemOf } from "@quarterpast/contract";
import {
  createHourVerifier,
  createRun,
  formatCompact,
  LINE_FIELDS,
  manifestHash,
  parseCanonical,
  parseInstant,
  type Depth,
  type HourVerdict,
} from "@quarterpast/domain";
import { apiOf } from "../command.js";
import { linesOf } from "../lines.js";
import type { Stack } from "@quarterpast/stack/find";

/** A manifest in the api's list. */
export type Manifest = ItemOf<"listManifests">;

/** Consecutive hours of one account, and what is known before the first. */
export interface HoursJob {
  stack: Pick<Stack, "apiUrl" | "apiKey">;
  account: string;
  /** Public keys (hex) by key id. */
  keys: ReadonlyMap<string, string>;
  depth: Depth;
  /** The manifest before the first; it is linked to, but not verified. */
  before: Manifest | undefined;
  manifests: readonly Manifest[];
}

/** Verifies hours one after the other, in one run: chains and residues continue from hour to hour. */
export async function* verifyHours(job: HoursJob): AsyncGenerator<HourVerdict> {
  const { stack, account, keys, depth, before } = job;
  const run = createRun();
  if (before) run.manifest = linkOf(before);
  for (const manifest of job.manifests) {
    const hour = formatCompact(parseInstant(manifest.hour)!);
    const verifier = createHourVerifier({ account, hour }, { run, keys, isExport: false, depth });
    const params = { hour: manifest.hour };
    for await (const lines of linesOf(await apiOf(stack).readHourProof({ params, query: { depth } }))) {
      for (const line of lines) verifier.line(line);
    }
    const verdict = verifier.finish();
    if (verdict.hash !== manifest.hash) {
      const [expected, found] = [verdict.hash, manifest.hash];
      verdict.findings.push({ code: "manifest_chain", hour, where: "hash", expected, found });
    }
    yield verdict;
  }
}

function linkOf({ canonical }: Manifest): { number: number; hash: string; hour: string } {
  const { number = "0", hour = "" } = parseCanonical(canonical, LINE_FIELDS.manifest) ?? {};
  return { number: Number(number), hash: manifestHash(canonical), hour };
}
