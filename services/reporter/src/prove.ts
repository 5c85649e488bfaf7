import {
  anchorLine,
  createHourGatherer,
  formatLine,
  MANIFEST_GENESIS,
  manifestHash,
  manifestText,
  signManifest,
  wrapLine,
} from "@quarterpast/domain";
import { faultPoint, type Clock, type Logger } from "@quarterpast/runtime";
import {
  allowLongReads,
  ensureProofKey,
  findProofWork,
  findUnanchored,
  insertAnchor,
  insertManifest,
  insertRecordProofs,
  inTransaction,
  lockProof,
  readHourLines,
  type Account,
  type Db,
  type Pool,
  type ProofWork,
  type RecordProof,
} from "@quarterpast/store";
import { appendAnchor, hourFileName, openHourFile, type HourFile } from "./proofFiles.js";
import type { ProofKey } from "./proofKey.js";

export interface ProveDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  /** The accounts whose hours are proven here. */
  accounts: readonly Account[];
  key: ProofKey;
  /** Where the hours' exports are written. */
  dir: string;
  /** Where manifest hashes are anchored: best on a volume that the operator cannot rewrite. */
  anchorFile: string;
}

/** The name under which the database records that a manifest is in the anchor file. */
const PLACE = "file";
const ANCHORS_AT_ONCE = 100;
const PROOFS_AT_ONCE = 1_000;

/**
 * Proves the oldest frozen hour of each account: roots, export, signed manifest, anchor (SPEC 10). Never delays
 * submission, because it only reads what is final.
 * @param isDue whether an account's hours may be proven now; all if absent
 * @returns whether there was work.
 */
export async function proveHours(
  deps: ProveDeps,
  isDue: (account: Account) => Promise<boolean> = () => Promise.resolve(true),
): Promise<boolean> {
  let worked = await anchorManifests(deps);
  for (const account of deps.accounts) {
    if ((await isDue(account)) && (await proveHour(deps, account))) worked = true;
  }
  return (await anchorManifests(deps)) || worked;
}

/** One hour in one transaction; a kill leaves only a draft file, and the hour is made again, identically. */
async function proveHour(deps: ProveDeps, account: Account): Promise<boolean> {
  if (!(await findProofWork(deps.pool, account))) return false;
  return inTransaction(deps.pool, async (db) => {
    await allowLongReads(db);
    if (!(await lockProof(db, account.accountNo))) return false;
    const work = await findProofWork(db, account);
    if (!work) return false;
    await faultPoint("reporter.beforeProof");
    await ensureProofKey(db, deps.key, deps.clock.now());
    const file = await openHourFile(deps.dir, hourFileName(work.hour, work.account));
    try {
      await makeManifest(deps, db, work, file);
      // The file first: a manifest in the ledger always has its export.
      await file.publish();
      await faultPoint("reporter.afterHourFile");
    } finally {
      await file.close();
    }
    return true;
  });
}

async function makeManifest(deps: ProveDeps, db: Db, work: ProofWork, file: HourFile): Promise<void> {
  const gatherer = createHourGatherer();
  let proofs: RecordProof[] = [];
  const keepProofs = async (): Promise<void> => {
    await insertRecordProofs(db, work.hour, proofs);
    proofs = [];
  };
  const reading = { scope: work, gatherer, roots: "made", depth: "events", forRestore: true } as const;
  for await (const lines of readHourLines(db, { ...reading, onProof: (proof) => void proofs.push(proof) })) {
    await file.write(lines);
    if (proofs.length >= PROOFS_AT_ONCE) await keepProofs();
  }
  await keepProofs();
  const { keyId, privateKey } = deps.key;
  const canonical = manifestText({
    ...gatherer.roots(),
    account: work.account,
    number: work.number,
    hour: work.hour,
    prev: work.prev ?? MANIFEST_GENESIS,
    keyId,
    bodySha256: file.sha256(),
  });
  const signature = signManifest(canonical, privateKey);
  const hash = manifestHash(canonical);
  await file.write([wrapLine("manifest", canonical), formatLine("signature", { key_id: keyId, signature })]);
  await insertManifest(db, work, { canonical, hash, keyId, signature }, gatherer.totals(), deps.clock.now());
  deps.logger.debug({ hour: work.hour, account: work.account, hash }, "hour proven");
}

/** Appends the hashes of manifests that are not anchored yet to the anchor file. @returns whether there were any. */
async function anchorManifests({ pool, clock, anchorFile }: ProveDeps): Promise<boolean> {
  const waiting = await findUnanchored(pool, PLACE, ANCHORS_AT_ONCE);
  for (const manifest of waiting) {
    await faultPoint("reporter.beforeAnchor");
    // After a kill between the two, the line is written again, which is harmless.
    await appendAnchor(anchorFile, anchorLine(manifest));
    await faultPoint("reporter.afterAnchor");
    await insertAnchor(pool, manifest, PLACE, clock.real());
  }
  return waiting.length === ANCHORS_AT_ONCE;
}
