import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createFaultDraw, faultPoint, parseFaultPlan, readFaultPlan } from "../src/faultPoint.js";

test("a plan is read whole, and what is no rule is named", () => {
  expect(parseFaultPlan("seed=7; a.b=crash@3 ;c.*=error%0.5;*=delay:5@1")).toEqual({
    seed: 7,
    rules: [
      { point: "a.b", action: { kind: "crash" }, nth: 3 },
      { point: "c.*", action: { kind: "error" }, probability: 0.5 },
      { point: "*", action: { kind: "delay", ms: 5 }, nth: 1 },
    ],
  });
  expect(() => parseFaultPlan("a.b=explode")).toThrow('"a.b=explode" is not a rule');
  expect(() => parseFaultPlan("a.b=delay")).toThrow("is not a rule");
});

test("only the n-th hit fires, by point; the first rule that fires decides", () => {
  const draw = createFaultDraw(parseFaultPlan("a.b=crash@2;a.*=stop@1"));
  expect(["a.b", "a.c", "a.b", "a.b", "z"].map((point) => draw(point)?.kind)).toEqual([
    "stop",
    "stop",
    "crash",
    undefined,
    undefined,
  ]);
});

test("chances come from the seed", () => {
  const run = (seed: number) => {
    const draw = createFaultDraw(parseFaultPlan(`seed=${seed};*=error%0.3`));
    return Array.from({ length: 200 }, () => (draw("a") ? 1 : 0)).join("");
  };
  expect(run(1)).toBe(run(1));
  expect(run(1)).not.toBe(run(2));
  const fired = run(1).replaceAll("0", "").length;
  expect(fired).toBeGreaterThan(30);
  expect(fired).toBeLessThan(90);
});

test("without a plan nothing happens, and production refuses one", () => {
  expect(faultPoint("anything")).toBeUndefined();
  expect(readFaultPlan({})).toBeUndefined();
  const env = { QUARTERPAST_FAULT_POINTS: "*=crash", NODE_ENV: "production" };
  expect(() => readFaultPlan(env)).toThrow("in production");
  expect(readFaultPlan({ ...env, QUARTERPAST_ALLOW_FAULT_POINTS: "true" })?.rules).toHaveLength(1);
});

test("a crash is a SIGKILL of the process itself", () => {
  const module = fileURLToPath(new URL("../dist/faultPoint.js", import.meta.url));
  const { signal, stdout } = spawnSync(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `const { faultPoint } = await import(${JSON.stringify(module)}); await faultPoint("a"); console.log("one"); await faultPoint("a"); console.log("two");`,
    ],
    { env: { ...process.env, QUARTERPAST_FAULT_POINTS: "a=crash@2" }, encoding: "utf8" },
  );
  expect([stdout, signal]).toEqual(["one\n", "SIGKILL"]);
});
