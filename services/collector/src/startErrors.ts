import { SettingsError } from "@quarterpast/runtime";
import { JournalInUse } from "./journal/lock.js";
import type { CollectorSettings } from "./settings.js";

const FOLDER_ERRORS = new Set([
  "EACCES",
  "EPERM",
  "ENOTDIR",
  "EEXIST",
  "EROFS",
  "ENOENT",
  "ENOSPC",
  "EDQUOT",
]);
const ADDRESS_ERRORS = new Set(["EADDRINUSE", "EADDRNOTAVAIL", "EACCES", "ENOTFOUND"]);

/** Why the journal's folder cannot be used, reported as the setting that names it; other errors unchanged. */
export function explainDataDir(error: unknown, dir: string): unknown {
  const right =
    error instanceof JournalInUse
      ? {
          en: `a folder of its own; process ${error.pid} uses this one`,
          zh: `独占的文件夹；进程 ${error.pid} 正在使用此文件夹`,
        }
      : codeIn(error, FOLDER_ERRORS) && {
          en: `a folder that can be written (${messageOf(error)})`,
          zh: `可写入的文件夹（${messageOf(error)}）`,
        };
  return right ? new SettingsError([{ name: "COLLECTOR_DATA_DIR", value: dir, right }]) : error;
}

/** Why the address cannot be listened on, reported as the settings that name it; other errors unchanged. */
export function explainListen(error: unknown, { HOST, PORT }: CollectorSettings): unknown {
  if (!codeIn(error, ADDRESS_ERRORS)) return error;
  const right = {
    en: `an address and a port that are free (${messageOf(error)})`,
    zh: `空闲的地址和端口（${messageOf(error)}）`,
  };
  return new SettingsError([{ name: "PORT", value: `${HOST}:${PORT}`, right }]);
}

function codeIn(error: unknown, codes: ReadonlySet<string>): boolean {
  return codes.has((error as NodeJS.ErrnoException).code ?? "");
}

function messageOf(error: unknown): string {
  return (error as Error).message;
}
