import { marketplaceNames, marketplaceOf } from "@quarterpast/marketplace";
import { expect, test } from "vitest";
import { settingsPages } from "../../scripts/settingsPage.mjs";
import { filesUnder, read } from "./files.js";

test.each(Object.entries(settingsPages()))(
  "%s is made of what the services declare: npm run settings",
  (path, text) => {
    expect(read(path)).toBe(text);
  },
);

test.each(marketplaceNames())("each setting and secret of %s has a line", (name) => {
  const { settings, secrets, settingRows } = marketplaceOf(name);
  expect(settingRows.map((row) => row.name).sort()).toEqual([...settings, ...secrets].sort());
});

test("what a service reads of its environment is on the page", () => {
  const page = settingsPages()["docs/settings.md"];
  const names = filesUnder("services")
    .filter((path) => /\/src\/.*\.ts$/.test(path))
    .flatMap((path) =>
      [...read(path).matchAll(/\benv(?:\.|\[")([A-Z][A-Z0-9_]+)/g)].map(([, name]) => name!),
    );
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
