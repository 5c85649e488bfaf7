// Installs missing packages. Plain JavaScript without dependencies, because it runs before they are installed.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the checkout. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The text in the language of the terminal. */
export function say(en, zh) {
  const { QUARTERPAST_LANG, LC_ALL, LC_MESSAGES, LANG } = process.env;
  const locale = QUARTERPAST_LANG || LC_ALL || LC_MESSAGES || LANG || "";
  return /^zh/i.test(locale) ? zh : en;
}

/** Prints a message in the language of the terminal. */
export function tell(en, zh) {
  process.stderr.write(`${say(en, zh)}\n`);
}

/** Whether the installed packages are those of the lock file. */
function isInstalled() {
  const installed = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  return statSync(installed).mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs;
}

/** Runs `npm ci` if packages are missing or older than the lock file; ends the process if that fails. */
export function install() {
  if (isInstalled()) return;
  tell(
    "installing packages (npm ci); the first time takes a minute …",
    "正在安装依赖（npm ci），首次约需一分钟……",
  );
  const starter = process.env.npm_execpath ?? "";
  const npm = starter.endsWith("npm-cli.js") ? starter : undefined;
  const [command, args] = npm ? [process.execPath, [npm]] : ["npm", []];
  const options = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  // Standard output is only for the ready line.
  const { status, signal, error } = spawnSync(command, [...args, ...options], {
    cwd: root,
    stdio: ["ignore", process.stderr.fd, process.stderr.fd],
    shell: process.platform === "win32" && !npm,
  });
  if (status === 0) return;
  if (signal) process.exit(130);
  tell(
    `npm ci failed${error ? ` (${error.message})` : ", see above"}: is the package registry reachable?`,
    `npm ci 失败${error ? `（${error.message}）` : "，见上文"}：请检查能否访问软件包仓库`,
  );
  process.exit(69);
}
