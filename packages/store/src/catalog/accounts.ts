import { MINUTE, type KeyState, type Micros, type Text } from "@quarterpast/domain";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";
import { writeAudit, type Actor } from "./audit.js";

/** One seller account at one marketplace site. */
export interface Account {
  accountNo: number;
  code: string;
  marketplace: string;
  site: string;
  /** Where its records are sent; null until a process that knows has started. */
  address: string | null;
  /** How far the marketplace's day and month are ahead of UTC. */
  dayOffset: Micros;
  /** Set while the marketplace refuses our key, signature or rights. */
  haltedCode: string | null;
  haltedAt: Micros | null;
}

const COLUMNS = `account_no AS "accountNo", code, marketplace, site, address, halted_code AS "haltedCode",
  halted_at AS "haltedAt", day_offset_minutes::bigint * 60000000 AS "dayOffset"`;

/** An account as declared at a start. */
export interface DeclaredAccount {
  code: string;
  marketplace: string;
  site: string;
  /** How far the marketplace's day and month are ahead of UTC. */
  dayOffset: Micros;
  /** Where its records are sent; undefined if the process does not know. */
  address?: string | undefined;
}

type BoundField = "marketplace" | "site" | "address";

/** An account was declared with values other than those it is bound to. */
export class AccountBoundError extends Error {
  /** In the form of a settings problem. */
  readonly problem: { account: string; name: string; value: string; right: Text };

  constructor(account: string, name: BoundField, bound: string, value: string) {
    super(`account ${account} is bound to ${name} ${bound} and was declared with ${value}`);
    this.name = "AccountBoundError";
    const moves =
      name === "address"
        ? {
            en: `; if the marketplace itself has moved, start once more with ${bound} and run quarterpast accounts move ${account} --address ${value} --reason WHY`,
            zh: `；如云商店自身更换了地址，请先以 ${bound} 启动，再运行 quarterpast accounts move ${account} --address ${value} --reason 原因`,
          }
        : { en: "", zh: "" };
    const right = {
      en: `${bound}, as its records were filed there; what goes elsewhere is another account: give it a code of its own${moves.en}`,
      zh: `${bound}，其话单已上报至该处；上报至别处的应是另一个账号：请为其设置新的代码${moves.zh}`,
    };
    this.problem = { account, name, value, right };
  }
}

/**
 * Finds a declared account by its code, or creates it. Its first start binds the code to marketplace, site and
 * address; while it has no record, a later start may bind it to others. A start of a known account uses up no number
 * of the sequence.
 * @throws AccountBoundError if it has records and is declared with other values
 */
export async function ensureAccount(db: Db, declared: DeclaredAccount, now: Micros): Promise<Account> {
  const account = (await findAccount(db, declared.code)) ?? (await makeAccount(db, declared, now));
  const differing = differenceOf(account, declared);
  if (differing === undefined) return account;
  const { address = account.address } = declared;
  const { rows } = await db.query<Account>(
    `UPDATE accounts SET marketplace = $2::text, site = $3::text, address = $4::text,
       day_offset_minutes = $5::smallint
     WHERE account_no = $1::smallint
       AND ((marketplace = $2::text AND site = $3::text AND address IS NULL)
         OR NOT EXISTS (SELECT 1 FROM chains WHERE account_no = $1::smallint AND seq > 0))
     RETURNING ${COLUMNS}`,
    [account.accountNo, declared.marketplace, declared.site, address, declared.dayOffset / MINUTE],
  );
  if (rows[0]) return rows[0];
  throw new AccountBoundError(declared.code, differing, account[differing] ?? "", declared[differing] ?? "");
}

/** Notes whether an account's marketplace takes an hour of an instance only once. */
export async function setHourSlots(db: Db, accountNo: number, hourSlots: boolean): Promise<void> {
  await db.query(
    "UPDATE accounts SET hour_slots = $2::boolean WHERE account_no = $1::smallint AND hour_slots <> $2::boolean",
    [accountNo, hourSlots],
  );
}

function differenceOf(
  account: Account,
  { marketplace, site, address }: DeclaredAccount,
): BoundField | undefined {
  if (account.marketplace !== marketplace) return "marketplace";
  if (account.site !== site) return "site";
  return address === undefined || account.address === address ? undefined : "address";
}

async function findAccount(db: Db, code: string): Promise<Account | undefined> {
  const { rows } = await db.query<Account>(`SELECT ${COLUMNS} FROM accounts WHERE code = $1::text`, [code]);
  return rows[0];
}

async function makeAccount(db: Db, declared: DeclaredAccount, now: Micros): Promise<Account> {
  const { code, marketplace, site, dayOffset, address = null } = declared;
  await db.query(
    `INSERT INTO accounts (code, marketplace, site, address, day_offset_minutes, created_at)
     VALUES ($1::text, $2::text, $3::text, $4::text, $5::smallint, $6::timestamptz) ON CONFLICT (code) DO NOTHING`,
    [code, marketplace, site, address, dayOffset / MINUTE, stamp(now)],
  );
  return (await findAccount(db, code))!;
}

export type MovedAccount =
  | { outcome: "moved" | "unchanged"; account: Account }
  /** `calls` may have been accepted at the old address: what one host may have goes to no other (SPEC 5). */
  | { outcome: "calls_unsettled"; calls: number };

/**
 * Binds an account to another address of its marketplace, on a person's word, who is written down with the reason. Its
 * marketplace and site stay as they are.
 */
export async function moveAccount(
  pool: Pool,
  { accountNo, keyId }: Actor,
  { address, reason }: { address: string; reason: string },
  now: Micros,
): Promise<MovedAccount> {
  return inTransaction(pool, async (db): Promise<MovedAccount> => {
    const before = await db.query<Account>(
      `SELECT ${COLUMNS} FROM accounts WHERE account_no = $1::smallint FOR UPDATE`,
      [accountNo],
    );
    const account = before.rows[0]!;
    if (account.address === address) return { outcome: "unchanged", account };
    const { rows } = await db.query<{ calls: number }>(
      `SELECT count(*) AS calls FROM submissions WHERE account_no = $1::smallint AND is_owed(state)
         AND (host IS NOT NULL OR lease_until IS NOT NULL)`,
      [accountNo],
    );
    if (rows[0]!.calls > 0) return { outcome: "calls_unsettled", calls: rows[0]!.calls };
    await db.query("UPDATE accounts SET address = $2::text WHERE account_no = $1::smallint", [
      accountNo,
      address,
    ]);
    const change = { before: { address: account.address }, after: { address, reason } };
    await writeAudit(db, { accountNo, keyId }, { act: "accounts.move", ref: account.code, ...change }, now);
    return { outcome: "moved", account: { ...account, address } };
  });
}

/** All accounts, in the order they were made. */
export async function listAccounts(db: Db): Promise<Account[]> {
  const { rows } = await db.query<Account>(`SELECT ${COLUMNS} FROM accounts ORDER BY account_no`);
  return rows;
}

/** One account in its present state. */
export async function readAccount(db: Db, accountNo: number): Promise<Account | undefined> {
  const { rows } = await db.query<Account>(
    `SELECT ${COLUMNS} FROM accounts WHERE account_no = $1::smallint`,
    [accountNo],
  );
  return rows[0];
}

/** The marketplace's answer when it was last probed, without filing anything. */
export interface Probe {
  /** Real time. */
  probedAt: Micros;
  host: string;
  reachable: boolean;
  key: KeyState;
  code: string;
  /** The marketplace's clock less ours; null if it did not show it. */
  dateOffsetMs: number | null;
}

/** Stores an account's last probe. */
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

/** An account's last probe; undefined if its marketplace was never probed. */
export async function lastProbe(db: Db, accountNo: number): Promise<Probe | undefined> {
  const { rows } = await db.query<Probe>(
    `SELECT probed_at AS "probedAt", host, reachable, key, code, date_offset_ms AS "dateOffsetMs"
     FROM account_probes WHERE account_no = $1::smallint`,
    [accountNo],
  );
  return rows[0];
}

/** Halts, or with `code` null resumes, all submission for an account. */
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
