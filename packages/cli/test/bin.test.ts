import { execFile, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, it, onTestFinished } from "vitest";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));

let root: string;

/** A checkout with only the command, whose main prints a word. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "quarterpast-bin-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "packages/cli/src"), { recursive: true });
  mkdirSync(join(root, "node_modules"));
  symlinkSync(join(REPOSITORY, "node_modules/typescript"), join(root, "node_modules/typescript"));
  cpSync(join(REPOSITORY, "packages/cli/bin"), join(root, "packages/cli/bin"), { recursive: true });
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  writeFileSync(join(root, "tsconfig.json"), '{"files":[],"references":[{"path":"packages/cli"}]}');
  writeFileSync(
    join(root, "packages/cli/tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        composite: true,
        rootDir: "src",
        outDir: "dist",
        module: "nodenext",
        target: "es2023",
        types: [],
        lib: ["es2023", "dom"],
      },
      include: ["src"],
    }),
  );
  writeMain("one");
});

/** Writes the source of a main that prints the word, or another source. */
function writeMain(word: string, source = `console.log(${JSON.stringify(word)});`): void {
  writeFileSync(join(root, "packages/cli/src/main.ts"), `${source}\nexport {};\n`);
}

function run(): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(root, "packages/cli/bin/quarterpast.mjs")], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

it("builds what is not built, and again only where a source is newer", async () => {
  expect(await run()).toEqual({ code: 0, stdout: "one\n", stderr: "building …\n" });
  expect(await run()).toEqual({ code: 0, stdout: "one\n", stderr: "" });
  writeMain("two");
  expect(await run()).toEqual({ code: 0, stdout: "two\n", stderr: "building …\n" });
  expect(await run()).toEqual({ code: 0, stdout: "two\n", stderr: "" });
});

it("builds once where two start at once", async () => {
  const both = await Promise.all([run(), run(), run()]);
  expect(both.map(({ code, stdout }) => ({ code, stdout }))).toEqual(
    Array(3).fill({ code: 0, stdout: "one\n" }),
  );
  expect(both.filter(({ stderr }) => stderr !== "")).toHaveLength(1);
});

it("takes over the lock of a build that was killed", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  writeFileSync(join(root, "node_modules/.quarterpast-build.lock"), String(pid));
  expect(await run()).toMatchObject({ code: 0, stdout: "one\n" });
  expect(existsSync(join(root, "node_modules/.quarterpast-build.lock"))).toBe(false);
});

it("ends with 1 where the build fails, and leaves no lock", async () => {
  writeMain("", 'const wrong: number = "text"; console.log(wrong);');
  const { code, stdout, stderr } = await run();
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("TS2322");
  expect(stderr).toMatch(/quarterpast: the build failed, see above\n$/);
  writeMain("mended");
  expect(await run()).toMatchObject({ code: 0, stdout: "mended\n" });
});

it("runs what is built where there is no compiler, and says what to do where nothing is built", async () => {
  rmSync(join(root, "node_modules/typescript"));
  const nothing = await run();
  expect(nothing).toEqual({
    code: 69,
    stdout: "",
    stderr: "quarterpast: not built yet: run npm ci in the checkout\n",
  });
  mkdirSync(join(root, "packages/cli/dist"));
  writeFileSync(join(root, "packages/cli/dist/main.js"), "console.log('old')");
  utimesSync(join(root, "packages/cli/dist/main.js"), 1, 1);
  expect(await run()).toEqual({ code: 0, stdout: "old\n", stderr: "" });
});
