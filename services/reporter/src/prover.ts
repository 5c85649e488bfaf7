import { join } from "node:path";
import { createLoop, type Clock, type Logger } from "@quarterpast/runtime";
import { isFilingUnderWay, type Pool } from "@quarterpast/store";
import { openProofKey, writePublicKey } from "./proofKey.js";
import { proveHours, type ProveDeps } from "./prove.js";

export interface ProverSettings {
  PROOF_DIR?: string | undefined;
  PROOF_KEY_FILE?: string | undefined;
  ANCHOR_FILE?: string | undefined;
}

const EVERY_MS = 1_000;

/**
 * Starts the proving of hours, in a loop of its own: what it lacks never keeps records from being sent, and it counts
 * for no health check. It waits while records can still be filed in their window: until minute 15 at most. Without PROOF_DIR there are no proofs, and the log says so.
 */
export function startProver(
  settings: ProverSettings,
  { pool, clock, logger }: { pool: Pool; clock: Clock; logger: Logger },
): { stop(): Promise<void> } {
  const dir = settings.PROOF_DIR;
  if (dir === undefined) {
    logger.warn("PROOF_DIR is not set: hours are filed without manifests, nothing can be proven later");
    return { stop: () => Promise.resolve() };
  }
  let deps: ProveDeps | undefined;
  // Opened in the loop: a folder that cannot be written now is tried again, and sending goes on.
  const open = async (): Promise<ProveDeps> => {
    const key = await openProofKey(settings.PROOF_KEY_FILE ?? join(dir, "proof-key.pem"));
    await writePublicKey(dir, key);
    return { pool, clock, logger, key, dir, anchorFile: settings.ANCHOR_FILE ?? join(dir, "anchors.ndjson") };
  };
  const run = async () => {
    if (await isFilingUnderWay(pool, clock.now())) return false;
    return proveHours((deps ??= await open()));
  };
  const loop = createLoop({ name: "prove", everyMs: EVERY_MS, run, logger });
  loop.start();
  return loop;
}
