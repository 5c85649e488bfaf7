import semver from "semver";
import { expect, test } from "vitest";
import { judge, oldestOf } from "../../scripts/pins.mjs";
import { read } from "./files.js";

const { engines } = JSON.parse(read("package.json")) as { engines: { node: string } };
const NODE = oldestOf(engines.node);

test("everything in the lock file runs on the oldest Node that we support", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    packages: Record<string, { version?: string; engines?: { node?: string } }>;
  };
  const needing = Object.entries(packages).flatMap(([path, { version, engines: needs }]) =>
    needs?.node === undefined || semver.satisfies(NODE, needs.node)
      ? []
      : [`${path} ${version}: ${needs.node}`],
  );
  expect(needing).toEqual([]);
});

test("a newer version is proposed only if it runs on that Node", () => {
  const candidates = [
    { version: "2.0.0", engines: ">=22" },
    { version: "1.2.0", engines: ">=18" },
    { version: "1.3.0-beta.1" },
    { version: "1.1.0" },
  ];
  expect(judge("1.0.0", candidates, "20.19.0")).toEqual({ newest: "1.2.0", beyond: "2.0.0", needs: ">=22" });
  expect(judge("1.0.0", candidates.slice(1), "20.19.0")).toEqual({ newest: "1.2.0" });
  expect(judge("1.2.0", candidates, "20.19.0")).toEqual({
    newest: undefined,
    beyond: "2.0.0",
    needs: ">=22",
  });
  expect(judge("2.0.0", candidates, "20.19.0")).toBeUndefined();
});
