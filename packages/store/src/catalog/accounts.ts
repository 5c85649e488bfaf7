import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** One seller account at one marketplace site. */
export interface Account {
  accountNo: number;
  code: string;
  marketplace: string;
  site: string;
  /** Set while the marketplace refuses our key, signature or rights. */
  haltedCode: string | null;
}

const COLUMNS = `account_no AS "accountNo", code, marketplace, site, halted_code AS "haltedCode"`;

/** Finds the account by its code, or makes it. An existing one keeps its marketplace and site. */
export async function ensureAccount(
  db: Db,
  account: Pick<Account, "code" | "marketplace" | "site">,
  now: Micros,
): Promise<Account> {
  await db.query(
    `INSERT INTO accounts (code, marketplace, site, created_at)
     VALUES ($1::text, $2::text, $3::text, $4::timestamptz) ON CONFLICT (code) DO NOTHING`,
    [account.code, account.marketplace, account.site, stamp(now)],
  );
  const { rows } = await db.query<Account>(`SELECT ${COLUMNS} FROM accounts WHERE code = $1::text`, [
    account.code,
  ]);
  return rows[0]!;
}

/** All accounts, in the order they were made. */
export async function listAccounts(db: Db): Promise<Account[]> {
  const { rows } = await db.query<Account>(`SELECT ${COLUMNS} FROM accounts ORDER BY account_no`);
  return rows;
}

/** Stops, or with `code` null resumes, all sending for an account. */
export async function haltAccount(
  db: Db,
  accountNo: number,
  code: string | null,
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE accounts SET halted_code = $2::text, halted_at = CASE WHEN $2::text IS NULL THEN NULL ELSE $3::timestamptz END
     WHERE account_no = $1::smallint`,
    [accountNo, code, stamp(now)],
  );
}
