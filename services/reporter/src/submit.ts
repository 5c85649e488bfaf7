import { SECOND, type Micros } from "@quarterpast/domain";
import {
  resendLimits,
  resendOf,
  versionsAfterStatement,
  type CallResult,
  type MarketplaceClient,
  type MarketplaceProfile,
} from "@quarterpast/marketplace";
import { type Clock, faultPoint, type Logger } from "@quarterpast/runtime";
import {
  claimSubmissions,
  countSends,
  expireSubmissions,
  finishAttempt,
  giveUpLost,
  haltAccount,
  holdUnknown,
  insertOutcomes,
  insertReceipts,
  insertSubmission,
  inTransaction,
  readOutgoing,
  renewLease,
  settleSubmission,
  stillHolds,
  type Account,
  type ClaimedSubmission,
  type Db,
  type OutgoingRecord,
  type Pool,
} from "@quarterpast/store";
import type { Breaker } from "./breaker.js";
import { decide, type Decision } from "./verdict.js";

export interface SubmitDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  account: Pick<Account, "accountNo">;
  /** The account's profile. */
  profile: MarketplaceProfile;
  client: MarketplaceClient;
  random: () => number;
  breaker: Breaker;
  /** Resolves when one more call may be made. */
  rateLimit: () => Promise<void>;
  onSettled: (claim: ClaimedSubmission, decision: Decision) => void;
}

/** Short, so that what a killed reporter held is sent again within seconds; renewed during a call. */
const LEASE: Micros = 6 * SECOND;
const RENEW_EVERY_MS = 1_500;

/**
 * Claims the account's most urgent submission, sends its frozen bytes and settles what came of it.
 * @param onClaimed called when there is one, before it is sent
 * @returns whether there was one.
 */
export async function submitNext(deps: SubmitDeps, onClaimed?: () => void): Promise<boolean> {
  if (!deps.breaker.mayCall()) return false;
  try {
    return await submitDue(deps, onClaimed);
  } finally {
    deps.breaker.passed();
  }
}

async function submitDue(deps: SubmitDeps, onClaimed?: () => void): Promise<boolean> {
  const { pool, clock } = deps;
  const real = clock.real();
  const afterStatement = versionsAfterStatement(deps.profile);
  const { accountNo } = deps.account;
  const lost = await giveUpLost(pool, accountNo, clock.now(), real);
  const held = await holdUnknown(pool, accountNo, resendLimits(deps.profile), clock.now(), real);
  if (held > 0) deps.logger.warn({ calls: held }, "calls that may have been accepted wait for a person");
  if (lost > 0) deps.logger.warn({ calls: lost }, "calls that were cut wait for a statement");
  await expireSubmissions(pool, accountNo, clock.now(), real);
  await faultPoint("reporter.beforeClaim");
  const claimed = await inTransaction(pool, (db) =>
    claimSubmissions(db, {
      accountNo,
      now: clock.now(),
      real,
      leaseUntil: real + LEASE,
      limit: 1,
      afterStatement,
      spacing: deps.profile.calls.spacingMs * 1_000,
    }),
  );
  const claim = claimed[0];
  if (!claim) return false;
  onClaimed?.();
  const keeper = setInterval(() => {
    renewLease(pool, claim, clock.real() + LEASE).catch((error: unknown) =>
      deps.logger.warn({ err: error }, "lease not renewed"),
    );
  }, RENEW_EVERY_MS);
  try {
    await send(deps, claim);
  } finally {
    clearInterval(keeper);
  }
  return true;
}

async function send(deps: SubmitDeps, claim: ClaimedSubmission): Promise<void> {
  await faultPoint("reporter.afterClaim");
  const records = await readOutgoing(deps.pool, claim);
  await deps.rateLimit();
  // A reporter that slept through its lease must not send as if it still held it.
  if (!(await stillHolds(deps.pool, claim, deps.clock.real()))) return;
  await faultPoint("reporter.beforeSend");
  const result = await deps.client.submit({
    records: records.map(({ sn, wire, wireVersion, product }) => ({
      serialNumber: sn,
      wire,
      wireVersion,
      product,
    })),
    host: claim.host ?? undefined,
  });
  if (result.kind === "halt" && result.alone)
    deps.logger.error(
      { product: records[0]?.product, wireVersion: records[0]?.wireVersion, code: result.code },
      "a key that signs only these records is refused or not set",
    );
  const retryAfterMs = "retryAfterMs" in result ? result.retryAfterMs : undefined;
  deps.breaker.heard(result.kind !== "retry" && result.kind !== "unknown", retryAfterMs);
  await faultPoint("reporter.afterSend");
  const now = deps.clock.now();
  const sends = await countSendsOf(deps.pool, claim.accountNo, result);
  // All records of a call have one wire version.
  const resend = resendOf(deps.profile, records[0]!.wireVersion);
  const decision = decide(result, {
    claim,
    profile: deps.profile,
    now,
    random: deps.random(),
    sends,
    quantities: new Map(records.map(({ sn, quantity }) => [sn, quantity])),
    resend,
  });
  const isSettled = await settle(deps, claim, records, result, decision);
  if (isSettled) deps.onSettled(claim, decision);
  else
    deps.logger.warn({ submission: claim.submissionId }, "another reporter has taken this submission over");
}

/** A record of a call that was cut, or filed again, was sent before in another call. */
async function countSendsOf(
  pool: Pool,
  accountNo: number,
  result: CallResult,
): Promise<Map<string, number> | undefined> {
  if (result.kind !== "accepted" || result.exceptions.length === 0) return undefined;
  await faultPoint("reporter.beforeCountSends");
  return countSends(
    pool,
    accountNo,
    result.exceptions.map(({ serialNumber }) => serialNumber),
  );
}

async function settle(
  { pool, clock, logger, breaker }: SubmitDeps,
  claim: ClaimedSubmission,
  records: readonly OutgoingRecord[],
  result: CallResult,
  decision: Decision,
): Promise<boolean> {
  const now = clock.now();
  const real = clock.real();
  const { evidence } = result;
  if (evidence.unmatched.length > 0)
    logger.error({ unmatched: evidence.unmatched }, "the reply names records that were not in the call");
  return inTransaction(pool, async (db) => {
    await finishAttempt(db, claim, {
      host: evidence.host,
      bodySha256: evidence.sentSha256,
      result: result.kind,
      code: decision.code,
      httpStatus: evidence.httpStatus ?? null,
      reply: evidence.rawReply ?? evidence.transport ?? "",
      durationMs: Math.round(evidence.durationMs),
    });
    const settled = await settleSubmission(
      db,
      claim,
      {
        state: decision.state,
        code: decision.code,
        host: evidence.bytesSent && decision.state !== "frozen" ? evidence.host : null,
        nextAt: decision.waits ? null : real + breaker.wait(decision.retryMs) * 1_000,
      },
      now,
    );
    await faultPoint("reporter.afterSettle");
    if (!settled) return false;
    await insertOutcomes(
      db,
      decision.exceptions.map(({ serialNumber, ...rest }) => ({ sn: serialNumber, ...rest })),
      "reply",
      now,
    );
    await insertPieces(db, claim, cutOf(claim, decision), now, real);
    const unknownFrom = decision.unknownWaits ? null : real;
    await insertPieces(db, claim, singlesOf("unknown", records, decision), now, unknownFrom);
    const again = real + decision.againMs * 1_000;
    await insertPieces(db, claim, singlesOf("frozen", records, decision), now, again);
    if (result.kind === "accepted") await insertReceipts(db, result.receipts ?? [], now);
    await faultPoint("reporter.beforeSettleCommit");
    if (decision.halts) {
      logger.error(
        { account: claim.account, code: decision.code },
        "submission is stopped until the marketplace accepts our key again",
      );
      await haltAccount(db, claim.accountNo, decision.code, now);
    }
    return true;
  });
}

type Range = Pick<ClaimedSubmission, "seqFrom" | "seqTo">;

/** The pieces of a call that was cut: each is sent again as a separate call. */
function cutOf(claim: ClaimedSubmission, decision: Decision): Range[] {
  let next = claim.seqFrom;
  return decision.pieces.map((count) => ({ seqFrom: next, seqTo: (next += count) - 1 }));
}

/**
 * Single records of an answered call: those that are unknown, or certainly were not taken, are sent again in separate
 * calls.
 */
function singlesOf(
  state: "unknown" | "frozen",
  records: readonly OutgoingRecord[],
  decision: Decision,
): Range[] {
  const found = new Set(
    decision.exceptions.filter((one) => one.state === state).map(({ serialNumber }) => serialNumber),
  );
  return records.filter(({ sn }) => found.has(sn)).map(({ seq }) => ({ seqFrom: seq, seqTo: seq }));
}

async function insertPieces(
  db: Db,
  claim: ClaimedSubmission,
  pieces: readonly Range[],
  now: Micros,
  real: Micros | null,
): Promise<void> {
  const { accountNo, shard, host, deadline, expires } = claim;
  for (const { seqFrom, seqTo } of pieces) {
    await insertSubmission(
      db,
      { accountNo, shard, seqFrom, seqTo, parent: claim.submissionId, host, deadline, expires },
      now,
      real,
    );
  }
}
