import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openJournal } from "../src/koogallery/ledger/journal.js";
import { folder } from "./kit.js";

test("one line after the other, and many at once: all are written, in order", async () => {
  const journal = await openJournal(join(await folder(), "j"), () => undefined);
  const numbers: number[] = [];
  for (let n = 0; n < 50; n += 1) {
    await journal.append([{ n }]);
    numbers.push(n);
  }
  await Promise.all(Array.from({ length: 50 }, (_, i) => journal.append([{ n: 50 + i }])));
  await journal.close();
  const text = await readFile(journal.path, "utf8");
  const read = text
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { n: number }).n);
  expect(read).toEqual([...numbers, ...Array.from({ length: 50 }, (_, i) => 50 + i)]);
});
