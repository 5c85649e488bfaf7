import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { install, root, tell } from "./setup.mjs";

/** Builds the product and, if given, a suite of `test`; ends the process if that fails. */
export function build(suite) {
  install();
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const projects = [["-b"], ...(suite === undefined ? [] : [["-p", join("test", suite, "tsconfig.json")]])];
  for (const project of projects) {
    const { status } = spawnSync(process.execPath, [tsc, ...project], {
      cwd: root,
      stdio: ["ignore", process.stderr.fd, process.stderr.fd],
    });
    if (status !== 0) {
      tell("it does not build, see above", "构建失败，见上文");
      process.exit(1);
    }
  }
}
