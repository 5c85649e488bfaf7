// `npm run release -- 0.3.0`: what is under Unreleased in CHANGELOG becomes the section of the version, and every package
// has it. A person looks at it, commits and sets the tag.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, tell } from "./setup.mjs";

/** CHANGELOG with a section for the version; undefined if nothing is under Unreleased. */
export function released(changelog, version, date) {
  const [head, rest] = changelog.split("\n## Unreleased\n");
  const next = rest?.search(/^## /m) ?? -1;
  const body = next < 0 ? rest : rest?.slice(0, next);
  if (!body?.trim()) return undefined;
  return `${head}\n## Unreleased\n\n## v${version}, ${date}\n${rest}`;
}

/** A package.json with the version, of itself and of each of our packages that it depends on. */
export function withVersion(manifest, version) {
  const dependencies = (all) =>
    Object.fromEntries(
      Object.entries(all).map(([name, own]) => [name, name.startsWith("@quarterpast/") ? version : own]),
    );
  return Object.fromEntries(
    Object.entries({ ...manifest, version }).map(([name, value]) => [
      name,
      /dependencies$/i.test(name) ? dependencies(value) : value,
    ]),
  );
}

/** Writes CHANGELOG, every package.json and the lock file. */
export function release([version]) {
  if (!/^\d+\.\d+\.\d+$/.test(version ?? "")) {
    tell("which version? npm run release -- 0.3.0", "请给出版本号：npm run release -- 0.3.0");
    process.exit(2);
  }
  const path = join(root, "CHANGELOG.md");
  const text = released(readFileSync(path, "utf8"), version, new Date().toISOString().slice(0, 10));
  if (text === undefined) {
    tell("CHANGELOG.md has nothing under Unreleased", "CHANGELOG.md 的 Unreleased 下没有内容");
    process.exit(1);
  }
  writeFileSync(path, text);
  const folders = ["packages", "services"].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(root, group, name)),
  );
  for (const folder of [root, ...folders]) {
    const file = join(folder, "package.json");
    if (!existsSync(file)) continue;
    const manifest = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, `${JSON.stringify(withVersion(manifest, version), null, 2)}\n`);
  }
  const { status } = spawnSync(
    "npm",
    ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
  tell(
    `now: npm run openapi, look at it, commit, and set the tag v${version}`,
    `接下来：npm run openapi，检查改动并提交，再打标签 v${version}`,
  );
  process.exit(status ?? 1);
}
