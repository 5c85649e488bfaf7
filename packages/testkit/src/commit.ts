import { execFileSync } from "node:child_process";

/**
 * The commit of a result: twelve digits, followed by `+` if anything except results and the pages made from them was
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

/** Whether a result belongs to a commit that can be checked out: with a changed checkout it proves nothing. */
export function isCommitted(commit: string): boolean {
  return /^[0-9a-f]{12,40}$/.test(commit);
}
