import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { unknownUser } from "./account.js";
import { diskFull, explainFileError, StackError, startFailed } from "../errors.js";
import type { PostgresBinaries } from "./postgresBinaries.js";
import type { PostgresHome } from "./postgresHome.js";
import { endProcess, exitOf, isServerOf, processesOf } from "./processes.js";

/** The user and the database of the product. */
export const NAME = "quarterpast";

/** The environment of Postgres: none of our PG* variables, and a fixed language and zone. */
export const POSTGRES_ENV = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

/** Fast shutdown (open transactions roll back), then immediate. */
export const POSTGRES_STOP: [NodeJS.Signals, number][] = [
  ["SIGINT", 10_000],
  ["SIGQUIT", 5_000],
];

/**
 * Creates the cluster if there is none. It gets its name when complete, so that a killed start leaves no partial one.
 */
export async function makeCluster(
  home: PostgresHome,
  binaries: PostgresBinaries,
  password: string,
): Promise<void> {
  const version = join(home.data, "PG_VERSION");
  if (existsSync(version)) return checkVersion(home, readFileSync(version, "utf8").trim(), binaries.major);
  const work = join(home.dir, `data.${randomUUID()}`);
  const passwordFile = join(home.dir, `password.${randomUUID()}`);
  try {
    mkdirSync(work, { mode: 0o700 });
    writeFileSync(passwordFile, password, { mode: 0o600 });
    const { uid, gid } = home.account;
    if (uid !== undefined && gid !== undefined) {
      chownSync(work, uid, gid);
      chownSync(passwordFile, uid, gid);
    }
    await initdb(home, binaries, work, passwordFile);
    renameSync(work, home.data);
  } catch (error) {
    throw explainFileError(error, home.dir);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(work, { recursive: true, force: true });
  }
}

function checkVersion(home: PostgresHome, found: string, major: string): void {
  if (found === major) return;
  throw new StackError("postgres_version", {
    en: `${home.data} was made by Postgres ${found}, this is ${major}; choose another --data-dir or move the data with pg_dump`,
    zh: `${home.data} 由 Postgres ${found} 创建，当前版本为 ${major}；请用 --data-dir 换一个目录，或用 pg_dump 迁移数据`,
  });
}

async function initdb(home: PostgresHome, binaries: PostgresBinaries, work: string, passwordFile: string) {
  const args = [
    "-D",
    work,
    "-U",
    NAME,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
  ];
  args.push("--locale=C", "--data-checksums", "--no-instructions");
  const child = spawn(binaries.initdb, args, {
    uid: home.account.uid,
    gid: home.account.gid,
    cwd: "/",
    env: POSTGRES_ENV,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [code, said] = await Promise.all([exitOf(child), text(child.stderr)]);
  if (code === 0) return;
  if (/No space left on device|Disk quota exceeded/.test(said)) throw diskFull(home.dir);
  if (/could not look up effective user ID/.test(said)) throw unknownUser();
  const log = join(home.dir, "initdb.log");
  writeFileSync(log, said);
  const reason = said.trim().split("\n").at(-1) || `initdb ended with ${code}`;
  throw startFailed("Postgres", reason, log);
}

const PROGRAM = /\/postgres(\.exe)?$/;

/**
 * Stops a Postgres that outlived its parent, and sessions that outlived a killed Postgres: a busy session does not
 * notice and keeps the next server from starting. The caller holds the lock, so no living stack owns them.
 */
export async function endLeftover(home: PostgresHome, say: (line: string) => void): Promise<void> {
  const pid = postmasterPid(home);
  if (pid !== undefined && isServerOf(pid, PROGRAM, home.data)) {
    say(`stopping Postgres ${pid}, left over from an earlier run`);
    await endProcess(pid, POSTGRES_STOP);
  }
  await Promise.all(
    processesOf(PROGRAM, home.data).map((session) => endProcess(session, [["SIGQUIT", 2_000]])),
  );
}

function postmasterPid(home: PostgresHome): number | undefined {
  try {
    const pid = Number(readFileSync(join(home.data, "postmaster.pid"), "utf8").split("\n")[0]);
    return pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}
