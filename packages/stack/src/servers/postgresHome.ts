import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { canEnter, postgresAccount, type Account } from "./account.js";
import { explainFileError, outOfReach } from "../errors.js";
import { SYSTEM_DIR } from "./postgresBinaries.js";

/** Where a cluster's files are and which user runs it. */
export interface PostgresHome {
  dir: string;
  /** The cluster itself (PGDATA), below `dir`. */
  data: string;
  account: Account;
}

/** In the data directory if the files are elsewhere; deleted with it, so that a new one gets a fresh database. */
const POINTER = "moved-to";

/**
 * Chooses the cluster's folder: in the data directory, or, if its user cannot get there (below /root, for example),
 * in a separate folder below /var/lib/quarterpast that the data directory points to.
 * @param ownDir the folder given as data directory; it and what is below it may be made passable (0711).
 */
export function findHome(dataDir: string, ownDir: string, say: (line: string) => void): PostgresHome {
  const named = resolve(dataDir);
  try {
    mkdirSync(named, { recursive: true, mode: 0o711 });
    const pointer = join(named, POINTER);
    if (existsSync(pointer)) return homeAt(makeDir(readFileSync(pointer, "utf8").trim()));
    const home = homeAt(named);
    if (canEnter(home.account, named)) return home;
    openForPassing(named, resolve(ownDir));
    if (canEnter(home.account, named)) return home;
    if (existsSync(join(home.data, "PG_VERSION"))) throw outOfReach(named, home.account.name);
    const elsewhere = makeDir(join(SYSTEM_DIR, randomUUID()));
    writeFileSync(join(elsewhere, "origin"), `${named}\n`);
    writeFileSync(pointer, `${elsewhere}\n`);
    say(`user ${home.account.name} cannot reach ${named}: the database is kept in ${elsewhere}`);
    return homeAt(elsewhere);
  } catch (error) {
    throw explainFileError(error, named);
  }
}

function homeAt(dir: string): PostgresHome {
  const data = join(dir, "data");
  return { dir, data, account: postgresAccount(data) };
}

function makeDir(dir: string): string {
  mkdirSync(SYSTEM_DIR, { recursive: true, mode: 0o755 });
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  return dir;
}

/** Lets others pass through our own folders, but not read them. */
function openForPassing(from: string, upTo: string): void {
  for (let dir = from; dir === upTo || dir.startsWith(`${upTo}/`); dir = dirname(dir)) {
    const { uid, mode } = statSync(dir);
    if (uid === process.getuid?.()) chmodSync(dir, (mode & 0o7777) | 0o011);
  }
}
