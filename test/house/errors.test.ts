import { ERRORS } from "@quarterpast/domain/errors";
import { expect, test } from "vitest";
import { filesUnder, read } from "./files.js";

const sources = ["packages", "services"]
  .flatMap(filesUnder)
  .filter((path) => /\/src\/.*\.tsx?$/.test(path))
  .map((path) => [path, read(path)] as const);
const DEFINITION = "packages/domain/src/errors.ts";

test("every error that a service answers with is of the closed set", () => {
  const answers =
    /\b(?:refusal|problemOf|fail)\(\s*(?:[\w.]+,\s*)?"([a-z_]+)"|urn:quarterpast:problem:([a-z_]+)/g;
  const foreign = sources.flatMap(([path, source]) =>
    [...source.matchAll(answers)]
      .map(([, given, named]) => (given ?? named)!)
      .filter((code) => !(code in ERRORS))
      .map((code) => `${path}: ${code}`),
  );
  expect(foreign).toEqual([]);
});

test("no service makes a code of what is only text", () => {
  // The client and its import read codes from the collector's answers.
  const reads = (path: string): boolean => /^packages\/(client|cli|contract)\//.test(path);
  const casts = sources.filter(([path, source]) => !reads(path) && /\bas ErrorCode\b/.test(source));
  expect(casts.map(([path]) => path)).toEqual([]);
});

test("every error of the closed set is answered somewhere", () => {
  const used = sources.filter(([path]) => path !== DEFINITION).map(([, source]) => source);
  const byStatus = read(DEFINITION).split("const BY_STATUS")[1]!;
  const unused = Object.keys(ERRORS).filter(
    (code) => ![...used, byStatus].some((source) => source.includes(`"${code}"`)),
  );
  expect(unused).toEqual([]);
});
