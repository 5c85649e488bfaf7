// `npm run pins`: asks the registry which pins are old. A newer version that does not run on the oldest Node that we
// support is said, not proposed.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
// semver: kept, npm's own; engines are ranges in its language.
import semver from "semver";
import { root, say, tell } from "./setup.mjs";

const run = promisify(execFile);
const AT_ONCE = 4;

/** The oldest Node of a range such as `^20.19.0 || >=24`. */
export const oldestOf = (engines) => semver.minVersion(engines).version;

/**
 * What is newer than a pin.
 * @param candidates newer versions with what each needs of Node
 * @returns the newest that runs on that Node, and the newest of all if that does not; undefined if nothing is newer
 */
export function judge(pin, candidates, node) {
  const newer = candidates
    .filter(({ version }) => semver.gt(version, pin) && semver.prerelease(version) === null)
    .sort((a, b) => semver.rcompare(a.version, b.version));
  if (newer.length === 0) return undefined;
  const runs = ({ engines }) => engines === undefined || semver.satisfies(node, engines);
  const usable = newer.find(runs);
  return {
    newest: usable?.version,
    ...(runs(newer[0]) ? {} : { beyond: newer[0].version, needs: newer[0].engines }),
  };
}

/** Every pin of the checkout, with the package.json files that have it. */
function pinsOf() {
  const pins = new Map();
  const folders = ["packages", "services"].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => `${group}/${name}/package.json`),
  );
  for (const file of ["package.json", ...folders]) {
    if (!existsSync(join(root, file))) continue;
    const manifest = JSON.parse(readFileSync(join(root, file), "utf8"));
    for (const kind of ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"])
      for (const [name, pin] of Object.entries(manifest[kind] ?? {})) {
        if (name.startsWith("@quarterpast/") || semver.valid(pin) === null) continue;
        const key = `${name}@${pin}`;
        pins.set(key, { name, pin, files: [...(pins.get(key)?.files ?? []), file] });
      }
  }
  return [...pins.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** Newer versions of a package up to its latest, each with its engines. */
async function newerThan({ name, pin }) {
  const view = async (what, ...fields) => {
    const { stdout } = await run("npm", ["view", what, ...fields, "--json"], { maxBuffer: 1 << 26 });
    return stdout.trim() === "" ? [] : [JSON.parse(stdout)].flat();
  };
  const [latest] = await view(name, "version");
  if (latest === undefined || !semver.gt(latest, pin)) return [];
  const all = await view(`${name}@>${pin} <=${latest}`, "version", "engines");
  return all.map((one) =>
    typeof one === "string"
      ? { version: one }
      : { version: one.version, engines: one["engines"]?.node ?? one["engines.node"] },
  );
}

/** Prints which pins are old. */
export async function tellPins(args) {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const node = oldestOf(engines.node);
  const pins = pinsOf();
  tell(`${pins.length} pins, for Node ${node} …`, `共 ${pins.length} 个固定版本，最低 Node ${node} ……`);
  const old = [];
  const waiting = [...pins];
  const work = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const found = judge(one.pin, await newerThan(one), node);
      if (found) old.push({ ...one, ...found });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  old.sort((a, b) => a.name.localeCompare(b.name));
  if (args.includes("--json")) return void process.stdout.write(`${JSON.stringify({ node, old })}\n`);
  for (const { name, pin, newest, beyond, needs } of old) {
    const to = newest === undefined ? say("nothing newer for us", "没有可用的新版本") : `→ ${newest}`;
    const not =
      beyond === undefined ? "" : say(`; ${beyond} needs Node ${needs}`, `；${beyond} 需要 Node ${needs}`);
    process.stdout.write(`${name} ${pin} ${to}${not}\n`);
  }
  process.stdout.write(
    `${say(`${old.length} of ${pins.length} are old`, `${pins.length} 个中有 ${old.length} 个已旧`)}\n`,
  );
}
