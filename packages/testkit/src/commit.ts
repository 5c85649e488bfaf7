import { execFileSync } from "node:child_process";

/**
 * The commit that a result is about: twelve digits, with `+` where anything but results and the pages made of them was
 * changed since; `unknown` outside of a repository.
 * @param root the folder of the checkout
 */
export function commitOf(root: string): string {
  try {
    const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
    const changed = git("status", "--porcelain", "--", ".", ":!*.ndjson", ":!docs/measured*");
    return `${git("rev-parse", "--short=12", "HEAD")}${changed === "" ? "" : "+"}`;
  } catch {
    return "unknown";
  }
}

/** Whether a result is about a commit that anybody can check out: of a changed checkout it proves nothing. */
export function isCommitted(commit: string): boolean {
  return /^[0-9a-f]{12,40}$/.test(commit);
}
