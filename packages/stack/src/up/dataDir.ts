import { explainFileError } from "../errors.js";
import { makeDir, makePrivateDir } from "./files.js";
import { lockDir } from "../servers/lock.js";
import type { Places } from "./layout.js";
import { endLeftovers } from "./leftovers.js";

/**
 * Creates the data directory and locks it; ends services left by an earlier `up` that was killed.
 * @returns the function that releases it.
 * @throws StackError `data_dir` if it cannot be used or is in use.
 */
export async function openDataDir(places: Places, onWait: () => void): Promise<() => void> {
  try {
    // Root's Postgres runs as another user, which must be able to pass through.
    makeDir(places.dir, 0o711);
    const unlock = lockDir(places.dir, places.lock);
    const timer = setTimeout(onWait, 500);
    await endLeftovers(places.processes).finally(() => clearTimeout(timer));
    for (const dir of [places.logs, places.collector, places.sandbox]) makePrivateDir(dir);
    return unlock;
  } catch (error) {
    throw explainFileError(error, places.dir);
  }
}
