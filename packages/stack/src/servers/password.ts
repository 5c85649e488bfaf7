import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/**
 * The server's password, made at first and kept in a file that its owner alone can read. The caller holds the
 * directory's lock. On a full disk no empty password is left behind.
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
