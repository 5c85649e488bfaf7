import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/**
 * The server's password, generated at first and stored in a file readable only by its owner. The caller holds the
 * directory's lock. A full disk does not leave an empty password behind.
 */
export function keepPassword(file: string): string {
  if (!existsSync(file)) {
    const half = `${file}.${randomUUID()}`;
    try {
      writeFileSync(half, randomBytes(24).toString("hex"), { mode: 0o600 });
      renameSync(half, file);
    } finally {
      rmSync(half, { force: true });
    }
  }
  return readFileSync(file, "utf8");
}
