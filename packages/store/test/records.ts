import {
  CHAIN_GENESIS,
  DAY,
  extendChain,
  HOUR,
  MINUTE,
  shardOf,
  type Micros,
  type RecordState,
} from "@quarterpast/domain";
import { H, type Ledger } from "@quarterpast/testkit";
import { inTransaction } from "../src/db/database.js";
import { insertRecords, lockChain } from "../src/records/freezing.js";
import { claimSubmissions, insertSubmission, settleSubmission } from "../src/records/submissions.js";

/** Real time in these tests is fixed far from product time. */
export const REAL: Micros = H + 400 * DAY;

/** A record of `H` filed by itself, taken through the given states. */
export async function file(
  ledger: Ledger,
  instanceId: string,
  quantity: string,
  fares: RecordState[] = ["accepted"],
): Promise<string> {
  const { accountNo, code } = ledger.account;
  await ledger.instance(instanceId, "tokens", `customer of ${instanceId}`);
  const [{ instance_no: instanceNo }] = (await ledger.rows<{ instance_no: number }>(
    "SELECT instance_no FROM instances WHERE account_no = $1 AND instance_id = $2",
    [accountNo, instanceId],
  )) as [{ instance_no: number }];
  const shard = shardOf(instanceId);
  const record = await inTransaction(ledger.pool, async (db) => {
    const head = await lockChain(db, accountNo, shard, CHAIN_GENESIS);
    const body = {
      account: code,
      product: "product",
      instance: instanceId,
      meter: "tokens",
      unit: "unit",
      kind: "usage" as const,
      hour: H,
      begin: H,
      end: H + HOUR,
      part: "0",
      quantity,
      residueIn: "0",
      residueOut: "0",
      events: 1,
      recordTime: H + HOUR,
    };
    const [sealed] = extendChain([body], shard, head) as [ReturnType<typeof extendChain>[number]];
    const deadlines = { windowEnds: H + 75 * MINUTE, lateEnds: H + 3 * HOUR, expires: H + 21 * DAY };
    const frozen = { ...sealed, ...deadlines, accountNo, instanceNo, wire: "{}", wireVersion: 1, slot: null };
    await insertRecords(db, [frozen], H + HOUR);
    const range = { accountNo, shard, seqFrom: sealed.seq, seqTo: sealed.seq, parent: null, host: null };
    await insertSubmission(
      db,
      { ...range, deadline: frozen.windowEnds, expires: frozen.expires },
      H + HOUR,
      REAL,
    );
    return sealed;
  });
  for (const state of fares) {
    const leaseUntil = REAL + MINUTE;
    const [claim] = await claimSubmissions(ledger.pool, {
      accountNo,
      now: H + HOUR + MINUTE,
      real: REAL,
      leaseUntil,
      limit: 1,
    });
    const settlement = { state, code: null, host: "host", nextAt: REAL };
    await settleSubmission(ledger.pool, claim!, settlement, H + HOUR + MINUTE);
  }
  return record.sn;
}
