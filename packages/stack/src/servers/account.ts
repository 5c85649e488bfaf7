import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { StackError, userName } from "../errors.js";

/** The user that runs a server; no ids if that is the user of this process. */
export interface Account {
  name: string;
  uid?: number;
  gid?: number;
}

interface PasswdEntry extends Account {
  uid: number;
  gid: number;
}

function passwd(): PasswdEntry[] {
  return readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= 4)
    .map(([name, , uid, gid]) => ({ name: name!, uid: Number(uid), gid: Number(gid) }));
}

/**
 * The user that runs Postgres: this process's own, except root, which Postgres refuses. Then the data's owner, else
 * `postgres`, else `nobody`.
 */
export function postgresAccount(dataDir: string): Account {
  if (process.getuid?.() !== 0) return { name: userName() };
  const users = passwd();
  const owner = statSync(dataDir, { throwIfNoEntry: false })?.uid;
  const account =
    (owner ? users.find((user) => user.uid === owner) : undefined) ??
    users.find((user) => user.name === "postgres") ??
    users.find((user) => user.name === "nobody");
  if (account) return account;
  throw new StackError("postgres_user", {
    en: "Postgres does not run as root and there is no user postgres or nobody; start as an ordinary user",
    zh: "Postgres 不能以 root 运行，且系统中没有 postgres 或 nobody 用户；请以普通用户启动",
  });
}

/** Whether the account can enter the directory; by trying, because permissions, ACLs and mounts all matter. */
export function canEnter(account: Account, dir: string): boolean {
  if (account.uid === undefined) return true;
  const { uid, gid } = account;
  return (
    spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", dir], { uid, gid, cwd: "/", stdio: "ignore" }).status === 0
  );
}

/** Postgres requires a user with a name. */
export function unknownUser(): StackError {
  const uid = process.getuid?.() ?? "?";
  return new StackError("postgres_user", {
    en: `Postgres does not run as user id ${uid}, which has no entry in /etc/passwd; add one or start as another user`,
    zh: `用户编号 ${uid} 在 /etc/passwd 中没有条目，Postgres 无法以其运行；请添加条目，或换一个用户启动`,
  });
}
