import { statesAllowing, transition, type Micros } from "@quarterpast/domain";
import { writeAudit, type Actor, type SellerActor } from "../catalog/audit.js";
import { addCaseEntry, assignCase, findCase, resolveCase, type CaseScope, type OpenCase } from "./cases.js";
import { inTransaction, type Db, type Pool } from "../db/database.js";
import { settleFindingsOf } from "./findings.js";
import { chooseProduct } from "../storefront/subscriptions.js";
import { findRecord } from "../records/records.js";
import { lockRecord } from "../records/carrying.js";
import { requestRereport, type RereportRequest } from "../records/rereports.js";
import { writeOffQuarantine } from "../usage/quarantine.js";
import { insertOutcomes } from "../records/outcomes.js";
import { releaseHeld, sendAgain } from "../records/submissions.js";

/** What a person can do about a case. */
export type CaseAct =
  | { act: "assign"; owner: string }
  | { act: "note"; reason: string }
  /** The usage is given up, or was settled elsewhere. */
  | { act: "write_off" | "close"; reason: string }
  /** A new record, maybe with another quantity, in the same interval or, if the record is void, in another. */
  | ({ act: "rereport" } & Omit<RereportRequest, "sn" | "keyId">)
  /** The same bytes again: of a record, or of a call of unknown outcome. */
  | { act: "resend"; reason: string }
  /** For an order line that lists several products: the one of the instance. */
  | { act: "choose"; product: string; reason: string }
  /** The marketplace was asked with this text. */
  | { act: "ask"; text: string };

export type ActedOn =
  | { outcome: "done"; case: OpenCase }
  | { outcome: "unknown_case" }
  | { outcome: "resolved_already" }
  /** The act is only for records. */
  | { outcome: "no_record" }
  /** The act is only for an order line that lists several products and waits to be opened. */
  | { outcome: "no_choice" }
  | { outcome: "state_forbids"; state: string; allowed: string[] }
  | { outcome: "waits_already" }
  | { outcome: "expired" };

/** Who acts on a case, of those that they may see. */
export type CaseActor = SellerActor & CaseScope;

/** Carries an act out, writes it to the case's history and to the audit; all in one transaction. */
export async function actOnCase(
  pool: Pool,
  { keyId, ...scope }: CaseActor,
  caseId: number,
  act: CaseAct,
  now: Micros,
): Promise<ActedOn> {
  return inTransaction(pool, async (db): Promise<ActedOn> => {
    const before = await findCase(db, scope, caseId, true);
    if (!before) return { outcome: "unknown_case" };
    if (before.resolvedAt !== null) return { outcome: "resolved_already" };
    const refused = await carryOut(db, keyId, before, act, now);
    if (refused) return refused;
    const { act: name, ...detail } = act;
    await addCaseEntry(db, caseId, { at: now, keyId, act: name, detail });
    const { history: _, ...after } = (await findCase(db, scope, caseId))!;
    const { history: __, ...was } = before;
    const { accountNo } = before;
    await writeAudit(
      db,
      { keyId, ...(accountNo !== null && { accountNo }) },
      { act: `cases.${name}`, ref: before.ref, before: was, after: { ...after, ...detail } },
      now,
    );
    return { outcome: "done", case: after };
  });
}

async function carryOut(
  db: Db,
  keyId: string,
  found: OpenCase,
  act: CaseAct,
  now: Micros,
): Promise<ActedOn | undefined> {
  const { accountNo, kind, ref } = found;
  switch (act.act) {
    case "assign":
      await assignCase(db, found, act.owner);
      return undefined;
    case "write_off":
    case "close":
      await resolveCase(db, found, act.act === "write_off" ? "written_off" : "closed", now);
      if (accountNo !== null) await settleFindingsOf(db, accountNo, { kind, ref }, now);
      if (kind === "quarantine" && act.act === "write_off") await writeOffQuarantine(db, accountNo, ref, now);
      return undefined;
    case "rereport":
    case "resend":
      if (accountNo === null) return { outcome: "no_record" };
      if (kind === "call_unknown" && act.act === "resend")
        return (await releaseHeld(db, accountNo, Number(ref))) ? undefined : { outcome: "waits_already" };
      return kind.startsWith("record_")
        ? fileAgain(db, { accountNo, keyId }, ref, act, now)
        : { outcome: "no_record" };
    case "choose": {
      const isTaken =
        accountNo !== null &&
        kind === "several_products" &&
        (await chooseProduct(db, accountNo, ref, act.product));
      return isTaken ? undefined : { outcome: "no_choice" };
    }
    case "note":
    case "ask":
      return undefined;
  }
}

async function fileAgain(
  db: Db,
  { accountNo, keyId }: Actor,
  sn: string,
  act: Extract<CaseAct, { act: "rereport" | "resend" }>,
  now: Micros,
): Promise<ActedOn | undefined> {
  await lockRecord(db, accountNo, sn);
  const record = await findRecord(db, [accountNo], sn);
  if (!record) return { outcome: "no_record" };
  const happening = act.act === "rereport" ? "rereported" : "resent";
  if (transition(record.state, happening) === null)
    return { outcome: "state_forbids", state: record.state, allowed: statesAllowing(happening) };
  if (act.act === "resend") {
    if ((await sendAgain(db, OF_ACCOUNT, [sn, accountNo], now)) === 0) return { outcome: "expired" };
    await insertOutcomes(db, [{ sn, state: "frozen", code: null, detail: act.reason }], "operator", now);
    return undefined;
  }
  const { quantity, interval, reason } = act;
  const asked = await requestRereport(db, accountNo, { sn, quantity, interval, reason, keyId }, now);
  return asked ? undefined : { outcome: "waits_already" };
}

const OF_ACCOUNT = "SELECT sn FROM records WHERE account_no = $2::smallint AND sn = $1::text";
