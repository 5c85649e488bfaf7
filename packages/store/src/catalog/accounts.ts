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

/** One account as it stands. */
export async function readAccount(db: Db, accountNo: number): Promise<Account | undefined> {
  const { rows } = await db.query<Account>(
    `SELECT ${COLUMNS} FROM accounts WHERE account_no = $1::smallint`,
    [accountNo],
  );
  return rows[0];
}

/** What the marketplace answered when it was last asked without filing anything. */
export interface Probe {
  /** Real time. */
  probedAt: Micros;
  host: string;
  reachable: boolean;
  key: "right" | "wrong" | "unknown";
  code: string;
  /** The marketplace's clock less ours; null if it did not show it. */
  dateOffsetMs: number | null;
}

/** Keeps an account's last probe. */
export async function keepProbe(db: Db, accountNo: number, probe: Probe): Promise<void> {
  await db.query(
    `INSERT INTO account_probes (account_no, probed_at, host, reachable, key, code, date_offset_ms)
     VALUES ($1::smallint, $2::timestamptz, $3::text, $4::boolean, $5::text, $6::text, $7::integer)
     ON CONFLICT (account_no) DO UPDATE SET probed_at = excluded.probed_at, host = excluded.host,
       reachable = excluded.reachable, key = excluded.key, code = excluded.code, date_offset_ms = excluded.date_offset_ms`,
    [
      accountNo,
      stamp(probe.probedAt),
      probe.host,
      probe.reachable,
      probe.key,
      probe.code,
      probe.dateOffsetMs === null ? null : Math.round(probe.dateOffsetMs),
    ],
  );
}

/** An account's last probe; undefined if its marketplace was never asked. */
export async function lastProbe(db: Db, accountNo: number): Promise<Probe | undefined> {
  const { rows } = await db.query<Probe>(
    `SELECT probed_at AS "probedAt", host, reachable, key, code, date_offset_ms AS "dateOffsetMs"
     FROM account_probes WHERE account_no = $1::smallint`,
    [accountNo],
  );
  return rows[0];
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
