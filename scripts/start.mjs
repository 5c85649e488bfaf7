// `npm start`: installs what is missing, then runs `quarterpast up --sample` with the options given here. The command
// runs in this process, so that signals and the exit code need nobody to pass them on.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { install, root } from "./setup.mjs";

install();
const command = join(root, "packages", "cli", "bin", "quarterpast.mjs");
process.argv.splice(1, 1, command, "up", "--sample");
await import(pathToFileURL(command).href);
