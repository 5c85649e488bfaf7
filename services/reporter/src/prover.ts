import { join } from "node:path";
import { createLoop, idleRest, type Loop } from "@quarterpast/runtime";
import { isFilingUnderWay, type Account } from "@quarterpast/store";
import { openProofKey, writePublicKey } from "./proofKey.js";
import { proveHours, type ProveDeps } from "./prove.js";

export interface ProverSettings {
  PROOF_DIR?: string | undefined;
  PROOF_KEY_FILE?: string | undefined;
  ANCHOR_FILE?: string | undefined;
}

const EVERY_MS = 1_000;
/** The longest rest while nothing can be proven. */
const IDLE_MS = 5_000;

/**
 * Starts proving hours in a separate loop: its problems never keep records from being sent, and it is not part of the
 * health checks. An account's hour waits while its records can still be filed within their window: until minute 15 at
 * most. Without PROOF_DIR there are no proofs, and the log says so.
 */
export function startProver(
  settings: ProverSettings,
  { pool, clock, logger, accounts }: Pick<ProveDeps, "pool" | "clock" | "logger" | "accounts">,
): Pick<Loop, "wake" | "stop"> {
  const dir = settings.PROOF_DIR;
  if (dir === undefined) {
    logger.warn("PROOF_DIR is not set: hours are filed without manifests, nothing can be proven later");
    return { wake: () => {}, stop: () => Promise.resolve() };
  }
  let deps: ProveDeps | undefined;
  // Opened in the loop: a folder that cannot be written now is tried again, while submission continues.
  const open = async (): Promise<ProveDeps> => {
    const key = await openProofKey(settings.PROOF_KEY_FILE ?? join(dir, "proof-key.pem"));
    await writePublicKey(dir, key);
    const anchorFile = settings.ANCHOR_FILE ?? join(dir, "anchors.ndjson");
    return { pool, clock, logger, accounts, key, dir, anchorFile };
  };
  const isQuiet = async ({ accountNo }: Account) => !(await isFilingUnderWay(pool, accountNo, clock.now()));
  const run = async () => proveHours((deps ??= await open()), isQuiet);
  const loop = createLoop({
    name: "prove",
    everyMs: EVERY_MS,
    idleMs: idleRest(clock, IDLE_MS),
    run,
    logger,
  });
  loop.start();
  return loop;
}
