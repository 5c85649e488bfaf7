#!/usr/bin/env node
// Runs the built command; in a checkout it builds first if a source is newer than the build. Plain JavaScript without
// dependencies, because it must work right after `npm ci`.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NEEDED = [20, 19, 0];
const LOCK_WAIT_MS = 180_000;
const LOCK_BARE_MS = 2_000;

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const main = join(root, "packages", "cli", "dist", "main.js");
const stamp = join(root, "packages", "cli", "dist", ".built");
const lock = join(root, "node_modules", ".quarterpast-build.lock");
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
const speaksChinese = /^zh/i.test(
  process.env.QUARTERPAST_LANG || process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || "",
);

function end(code, en, zh) {
  process.stderr.write(`quarterpast: ${speaksChinese ? zh : en}\n`);
  process.exit(code);
}

function checkNode() {
  const version = process.versions.node.split(".").map(Number);
  const at = NEEDED.findIndex((needed, index) => version[index] !== needed);
  if (at < 0 || version[at] > NEEDED[at]) return;
  const [needed, found] = [NEEDED.join("."), process.versions.node];
  end(
    69,
    `Node.js ${needed} or newer is needed, this is ${found}: install a newer one (https://nodejs.org)`,
    `需要 Node.js ${needed} 或更高版本，当前为 ${found}：请升级（https://nodejs.org）`,
  );
}

/** Folders of packages and services that have sources. */
function workspaces() {
  return ["packages", "services"].flatMap((group) => {
    const parent = join(root, group);
    if (!existsSync(parent)) return [];
    return readdirSync(parent)
      .map((name) => join(parent, name))
      .filter((folder) => existsSync(join(folder, "src")));
  });
}

/** Whether the folder, or anything under it, is newer than the time (removing a file changes its folder). */
function hasNewer(folder, timeMs) {
  if (statSync(folder).mtimeMs > timeMs) return true;
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? hasNewer(path, timeMs) : statSync(path).mtimeMs > timeMs;
  });
}

function isBuilt(folders) {
  if (!existsSync(main) || !existsSync(stamp)) return false;
  const { mtimeMs } = statSync(stamp);
  return folders.every(
    (folder) => existsSync(join(folder, "dist")) && !hasNewer(join(folder, "src"), mtimeMs),
  );
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Takes the lock of the build, waiting for its holder; false if this user cannot write here. */
function takeLock() {
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      return true;
    } catch (error) {
      if (error.code !== "EEXIST") return false;
    }
    if (Date.now() > deadline) {
      end(
        1,
        `another build does not end: remove ${lock} and try again`,
        `另一个构建没有结束：请删除 ${lock} 后重试`,
      );
    }
    try {
      const { mtimeMs } = statSync(lock);
      const owner = Number(readFileSync(lock, "utf8"));
      // A lock just created may not have its number yet.
      const isLeft = owner > 0 ? !isAlive(owner) : Date.now() - mtimeMs > LOCK_BARE_MS;
      if (isLeft) rmSync(lock, { force: true });
    } catch {
      continue;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}

function release() {
  rmSync(lock, { force: true });
}

function compile() {
  const begun = new Date();
  process.stderr.write(speaksChinese ? "正在构建……\n" : "building …\n");
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [compiler, "-b"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  // process.exit skips every finally.
  if (status !== 0) release();
  if (signal) process.exit(130);
  if (status !== 0) {
    process.stderr.write(stdout + stderr);
    end(1, "the build failed, see above", "构建失败，见上文");
  }
  writeFileSync(stamp, "");
  utimesSync(stamp, begun, begun);
}

function build() {
  if (!existsSync(compiler)) {
    if (existsSync(main)) return;
    end(69, "not built yet: run npm ci in the checkout", "尚未构建：请在检出目录运行 npm ci");
  }
  const folders = workspaces();
  if (folders.length === 0 || isBuilt(folders)) return;
  if (!takeLock()) {
    if (existsSync(main)) return;
    end(
      73,
      `cannot write in ${root}: build as the user it belongs to (npm run build)`,
      `无法写入 ${root}：请以其所有者身份构建（npm run build）`,
    );
  }
  try {
    if (!isBuilt(folders)) compile();
  } finally {
    release();
  }
}

checkNode();
build();
try {
  await import(pathToFileURL(main).href);
} catch (error) {
  if (process.env.QUARTERPAST_DEBUG === "1") throw error;
  end(
    1,
    `cannot be loaded: ${error.message.split("\n")[0]}; run npm ci in the checkout`,
    `无法加载：${error.message.split("\n")[0]}；请在检出目录运行 npm ci`,
  );
}
