import { expect, test } from "vitest";
import { released, withVersion } from "../../scripts/release.mjs";
import { versionsOf } from "../upgrade/versions.js";
import { filesUnder, read } from "./files.js";

test("what is unreleased becomes the section of a version, and nothing of it is lost", () => {
  const before =
    "# Changelog\n\nText.\n\n## Unreleased\n\n### Added\n\n- One.\n\n## v0.2.0, 2026-11-28\n\n- Old.\n";
  expect(released(before, "0.3.0", "2026-12-01")).toBe(
    "# Changelog\n\nText.\n\n## Unreleased\n\n## v0.3.0, 2026-12-01\n\n### Added\n\n- One.\n\n## v0.2.0, 2026-11-28\n\n- Old.\n",
  );
  expect(released("# C\n\n## Unreleased\n\n## v0.2.0\n\n- Old.\n", "0.3.0", "2026-12-01")).toBeUndefined();
});

test("a version is that of the package and of ours that it depends on, of no other", () => {
  const manifest = { version: "0.1.0", dependencies: { "@quarterpast/domain": "0.1.0", pg: "8.22.0" } };
  expect(withVersion(manifest, "0.2.0")).toEqual({
    version: "0.2.0",
    dependencies: { "@quarterpast/domain": "0.2.0", pg: "8.22.0" },
  });
});

test("every package has one version, and CHANGELOG's newest is that", () => {
  const manifests = ["package.json", ...["packages", "services"].flatMap(filesUnder)].filter((path) =>
    /^(package\.json|(packages|services)\/[^/]+\/package\.json)$/.test(path),
  );
  const versions = new Set(manifests.map((path) => (JSON.parse(read(path)) as { version: string }).version));
  expect([...versions].map((version) => `v${version}`)).toEqual([versionsOf(read("CHANGELOG.md"))[0]?.name]);
});
