import type { Micros } from "@quarterpast/domain";
import { writeAudit, type SellerActor } from "./audit.js";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";

/**
 * Which account usage belongs to if several have a live instance for an event that names none: for everything that a
 * source sends, or for a subject. A rule for the subject takes precedence over one for the source.
 */
export type AccountRuleOf = { source: string; subject?: never } | { subject: string; source?: never };

export interface AccountRule {
  ruleNo: number;
  source: string | null;
  subject: string | null;
  /** Code of the account. */
  account: string;
  keyId: string;
  createdAt: Micros;
}

const SELECT = `SELECT r.rule_no AS "ruleNo", r.source, r.subject, a.code AS account, r.key_id AS "keyId",
  r.created_at AS "createdAt" FROM account_rules r JOIN accounts a USING (account_no)`;

/** All rules, those of subjects first. */
export async function listAccountRules(db: Db): Promise<AccountRule[]> {
  const { rows } = await db.query<AccountRule>(`${SELECT} ORDER BY r.subject, r.source`);
  return rows;
}

/** The rules of the given subjects and sources. */
export async function findAccountRules(
  db: Db,
  { subjects, sources }: { subjects: readonly string[]; sources: readonly string[] },
): Promise<AccountRule[]> {
  const { rows } = await db.query<AccountRule>(
    `${SELECT} WHERE r.subject = ANY ($1::text[]) OR r.source = ANY ($2::text[])`,
    [subjects, sources],
  );
  return rows;
}

/**
 * Creates a rule, or changes the account of the one for this source or subject; waiting events are counted by it
 * within seconds.
 * @returns the rule; undefined if there is no such account.
 */
export async function setAccountRule(
  db: Db,
  actor: SellerActor,
  { source = null, subject = null }: { source?: string | null; subject?: string | null },
  account: string,
  now: Micros,
): Promise<AccountRule | undefined> {
  const before = await findRule(db, source, subject);
  if (before?.account === account) return before;
  const { rowCount } = await db.query(
    `INSERT INTO account_rules AS r (source, subject, account_no, key_id, created_at)
     SELECT $1::text, $2::text, account_no, $4::text, $5::timestamptz FROM accounts WHERE code = $3::text
     ON CONFLICT (source, subject) DO UPDATE SET account_no = excluded.account_no, key_id = excluded.key_id,
       created_at = excluded.created_at`,
    [source, subject, account, actor.keyId, stamp(now)],
  );
  if (rowCount !== 1) return undefined;
  const rule = (await findRule(db, source, subject))!;
  const change = { before: before && { account: before.account }, after: { account } };
  await writeAudit(db, actor, { act: "account_rules.set", ref: refOf(rule), ...change }, now);
  return rule;
}

async function findRule(
  db: Db,
  source: string | null,
  subject: string | null,
): Promise<AccountRule | undefined> {
  const { rows } = await db.query<AccountRule>(
    `${SELECT} WHERE r.source IS NOT DISTINCT FROM $1::text AND r.subject IS NOT DISTINCT FROM $2::text FOR UPDATE OF r`,
    [source, subject],
  );
  return rows[0];
}

/** Removes a rule; usage counted by it stays where it is. @returns whether there was one. */
export async function removeAccountRule(
  pool: Pool,
  actor: SellerActor,
  ruleNo: number,
  now: Micros,
): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    const { rows } = await db.query<AccountRule>(`${SELECT} WHERE r.rule_no = $1::integer FOR UPDATE OF r`, [
      ruleNo,
    ]);
    const rule = rows[0];
    if (!rule) return false;
    await db.query("DELETE FROM account_rules WHERE rule_no = $1::integer", [ruleNo]);
    const before = { account: rule.account };
    await writeAudit(db, actor, { act: "account_rules.remove", ref: refOf(rule), before }, now);
    return true;
  });
}

const refOf = ({ source, subject }: Pick<AccountRule, "source" | "subject">): string =>
  subject === null ? `source ${source}` : `subject ${subject}`;
