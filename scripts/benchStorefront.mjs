// `npm run bench:storefront [-- --rate N --seconds N --instances N --keep]`: calls of the marketplace at a fixed rate
// against a storefront over a ledger of a million instances. `--keep` appends to test/bench/storefront/results.ndjson.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { install, root } from "./setup.mjs";

install();
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
for (const project of [["-b"], ["-p", join("test", "bench", "storefront", "tsconfig.json")]]) {
  const { status } = spawnSync(process.execPath, [tsc, ...project], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
await import(join(root, "test", "bench", "storefront", "dist", "main.js"));
