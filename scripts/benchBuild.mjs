import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { install, root, tell } from "./setup.mjs";

/** Builds the product and the benches, then runs one of them with the arguments given; ends the process where that fails. */
export async function runBench(main) {
  install();
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  for (const project of [["-b"], ["-p", join("test", "bench", "tsconfig.json")]]) {
    const { status } = spawnSync(process.execPath, [tsc, ...project], {
      cwd: root,
      stdio: ["ignore", process.stderr.fd, process.stderr.fd],
    });
    if (status !== 0) {
      tell("it does not build, see above", "构建失败，见上文");
      process.exit(1);
    }
  }
  const file = join(root, "test", "bench", "dist", main);
  process.argv.splice(1, 1, file);
  await import(file);
}
