import { Command } from "commander";
import { parseInstant } from "@quarterpast/domain";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { register } from "../src/commands/import.js";
import { speak } from "../src/lang.js";
import { startStack, type ImportStack } from "./importStack.js";

const ROWS = "t,n\n2023-11-16T19:00:00Z,1\n2023-11-16T19:00:00Z,x\n";

let stack: ImportStack;
let printed: string;
beforeEach(async () => {
  stack = await startStack({ startMicros: parseInstant("2023-11-16T19:30:00Z")!, atMs: Date.now(), rate: 1 });
  printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += String(text);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  speak("en");
  await stack.stop();
});

async function quarterpast(...more: string[]): Promise<void> {
  const file = await stack.write("usage.csv", ROWS);
  const program = new Command();
  register(program);
  const mapping = [
    "--source",
    "s",
    "--time",
    "t",
    "--subject",
    "c",
    "--meter",
    "context=n",
    "--meter",
    "requests",
  ];
  const args = ["import", file, ...mapping, "--data-dir", stack.dataDir, ...more];
  await program.parseAsync(args, { from: "user" });
}

it("ends with one line and 5 where some were rejected", async () => {
  await quarterpast();
  expect(printed).toBe("2 rows: 2 events sent, 2 accepted, 2 rejected (quantity_invalid 2)\n");
  expect(process.exitCode).toBe(5);
});

it("says it in Chinese", async () => {
  speak("zh");
  await quarterpast();
  expect(printed).toBe("2 行：已发送 2 个事件，接受 2 个，拒绝 2 个（quantity_invalid 2）\n");
});

it("prints JSON where asked", async () => {
  await quarterpast("--json");
  expect(JSON.parse(printed)).toEqual({
    rows: 2,
    sent: 2,
    accepted: 2,
    rejected: 2,
    rejectedByCode: { quantity_invalid: 2 },
  });
});
