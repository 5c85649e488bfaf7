import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A version whose data folders this one has to take over. */
export interface Version {
  name: string;
  /** What git checks out. */
  commit: string;
}

const git = (root: string, ...args: string[]): string =>
  execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

function isThere(root: string, commit: string): boolean {
  try {
    git(root, "cat-file", "-e", `${commit}^{commit}`);
    return true;
  } catch {
    return false;
  }
}

/** What CHANGELOG says of versions: `## v0.2.0 …`, and in its section the commit, as `commit 0123456789ab`. */
export function versionsOf(changelog: string): { name: string; commit: string | undefined }[] {
  return changelog
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const name = /^\[?(v\d+\.\d+\.\d+)/.exec(section)?.[1];
      const commit = /\bcommit `?([0-9a-f]{12,40})\b/.exec(section)?.[1];
      return name === undefined ? [] : [{ name, commit }];
    });
}

/**
 * The versions to upgrade from: every tag `v*` that is an ancestor of HEAD; in a clone without tags, those of CHANGELOG
 * whose commit it names and the clone has.
 * @param from one reference in place of all these, taken as a version
 * @returns them, or why there is none
 */
export function versionsBefore(root: string, from?: string): { versions: Version[]; why: string } {
  if (from !== undefined)
    return { versions: [{ name: from, commit: git(root, "rev-parse", from) }], why: "" };
  const told = versionsOf(readFileSync(join(root, "CHANGELOG.md"), "utf8"));
  try {
    const tags = git(root, "tag", "--list", "v*", "--merged", "HEAD").split("\n").filter(Boolean);
    if (tags.length > 0)
      return {
        versions: tags.map((name) => ({ name, commit: git(root, "rev-parse", `${name}^{commit}`) })),
        why: "",
      };
    const named = told.flatMap(({ name, commit }) =>
      commit !== undefined && isThere(root, commit) ? [{ name, commit }] : [],
    );
    const why = `this clone has no tag v* and none of the commits that CHANGELOG names for ${told.map(({ name }) => name).join(", ") || "a version"}`;
    return { versions: named, why };
  } catch {
    return { versions: [], why: "this is no clone of git" };
  }
}
