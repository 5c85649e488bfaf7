import { parseCompact, readProofKeys, type HourVerdict } from "@quarterpast/domain";
import { declareAccount, profileOf, versionsAfterStatement } from "@quarterpast/marketplace";
import {
  listAccounts,
  OtherManifestError,
  restoreCalls,
  restoreProvenHour,
  type HourExport,
  type Pool,
} from "@quarterpast/store";
import { linesOf } from "../lines.js";
import { CliError, EXIT } from "../exit.js";
import { verifyFolder, type ProofFolder } from "../verify/folder.js";

export interface Restored {
  hours: number;
  records: number;
  events: number;
  /** Hours that the backup already held, with the same manifest. */
  skipped: number;
  /** Calls that are sent again unchanged, immediately or once a statement has shown that their records are absent. */
  calls: number;
}

/**
 * Restores sealed hours from their exports into a database that was restored to an older state. Nothing may run on it
 * meanwhile. Each hour is one transaction, so an interrupted run can be repeated. Every export is verified before
 * anything is written.
 * @throws CliError 3 if an export is not what was signed, or the ledger holds another manifest with that number.
 */
export async function restoreHours(
  pool: Pool,
  folder: ProofFolder,
  options: { keyFile?: string | undefined; anchorFile?: string | undefined },
): Promise<Restored> {
  const { hours, findings } = await verifyFolder(folder, options);
  if (findings.length > 0) {
    const { code, hour, where } = findings[0]!;
    throw differs(`${findings.length} differences, the first in ${hour} ${where}: ${code}`);
  }
  const keyLines = (await folder.read(options.keyFile ?? "proof-key.json"))!
    .toString("latin1")
    .trimEnd()
    .split("\n");
  const keys = readProofKeys(keyLines)!;
  const accounts = await listAccounts(pool);
  const profiles = new Map(accounts.map((one) => [one.code, profileOf(declareAccount(one, {}))]));
  const numbers = new Map(accounts.map(({ code, accountNo }) => [code, accountNo]));
  const names = await folder.hours();
  const restored: Restored = { hours: 0, records: 0, events: 0, skipped: 0, calls: 0 };
  const now = await databaseNow(pool);
  for (const [compact, verdicts] of groupByHour(hours)) {
    const exports: HourExport[] = [];
    for (const { account, number, hash } of verdicts) {
      const accountNo = numbers.get(account);
      if (accountNo === undefined) throw differs(`there is no account ${account}`);
      const name = names.find((each) => each === exportName(compact, account))!;
      const lines = () => each(folder.stream(`hours/${name}`));
      const { slot } = profiles.get(account)!;
      exports.push({ accountNo, account, slot, number, hash, lines, publicKey: await keyOf(lines, keys) });
    }
    const brought = await restoreProvenHour(pool, parseCompact(compact)!, exports, now).catch(refused);
    const isBrought = new Set(brought.map(({ account }) => account));
    restored.skipped += exports.length - brought.length;
    for (const { account, records, events } of verdicts) {
      if (!isBrought.has(account)) continue;
      restored.hours += 1;
      restored.records += records;
      restored.events += events;
    }
  }
  for (const { accountNo, code } of accounts) {
    const waiting = versionsAfterStatement(profiles.get(code)!);
    restored.calls += await restoreCalls(pool, accountNo, waiting, now, now);
  }
  return restored;
}

function refused(error: unknown): never {
  if (error instanceof OtherManifestError) throw differs(error.message);
  throw error;
}

function groupByHour(verdicts: readonly HourVerdict[]): Map<string, HourVerdict[]> {
  const groups = new Map<string, HourVerdict[]>();
  for (const verdict of verdicts) groups.set(verdict.hour, [...(groups.get(verdict.hour) ?? []), verdict]);
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function exportName(hour: string, account: string): string {
  return `${hour}-${encodeURIComponent(account).replaceAll("*", "%2A")}.ndjson`;
}

async function keyOf(lines: () => AsyncIterable<string>, keys: ReadonlyMap<string, string>): Promise<string> {
  for await (const line of lines()) {
    const id = /^\{"signature":\{"key_id":"([0-9a-f]{16})"/.exec(line)?.[1];
    if (id !== undefined) return keys.get(id)!;
  }
  return "";
}

async function* each(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const lines of linesOf(chunks)) yield* lines;
}

async function databaseNow(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ now: number }>("SELECT clock_timestamp() AS now");
  return rows[0]!.now;
}

function differs(what: string): CliError {
  return new CliError(EXIT.differences, {
    en: `nothing more was restored: ${what}; see quarterpast verify --archive`,
    zh: `已停止恢复：${what}；请用 quarterpast verify --archive 核验`,
  });
}
