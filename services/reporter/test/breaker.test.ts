import { describe, expect, test } from "vitest";
import { createBreaker } from "../src/breaker.js";

function opened() {
  let now = 0;
  const breaker = createBreaker(() => now);
  for (let call = 0; call < 4; call += 1) breaker.heard(false);
  return { breaker, at: (ms: number) => void (now = ms) };
}

describe("a breaker", () => {
  test("opens after four calls in a row without a verdict, and no sooner", () => {
    const breaker = createBreaker(() => 0);
    for (const gaveVerdict of [false, false, false, true, false, false, false]) breaker.heard(gaveVerdict);
    expect(breaker.isOpen()).toBe(false);
    breaker.heard(false);
    expect(breaker.isOpen()).toBe(true);
    expect(breaker.mayCall()).toBe(false);
  });

  test("lets one caller through at a time after a pause that grows to 3 s", () => {
    const { breaker, at } = opened();
    for (const [now, pause] of [
      [0, 250],
      [250, 500],
      [750, 1_000],
      [1_750, 2_000],
      [3_750, 3_000],
      [6_750, 3_000],
    ] as const) {
      at(now + pause - 1);
      expect(breaker.mayCall()).toBe(false);
      at(now + pause);
      expect([breaker.mayCall(), breaker.mayCall()]).toEqual([true, false]);
      breaker.heard(false);
    }
  });

  test("lets the next one through where the one before it made no call", () => {
    const { breaker, at } = opened();
    at(250);
    expect(breaker.mayCall()).toBe(true);
    breaker.passed();
    expect(breaker.mayCall()).toBe(true);
  });

  test("waits as long as it is asked to, and closes with the first verdict", () => {
    const { breaker, at } = opened();
    breaker.heard(false, 60_000);
    at(59_999);
    expect(breaker.mayCall()).toBe(false);
    at(60_000);
    expect(breaker.mayCall()).toBe(true);
    breaker.heard(true);
    expect([breaker.isOpen(), breaker.mayCall(), breaker.mayCall()]).toEqual([false, true, true]);
  });

  test("shortens a submission's own wait while it is open, never otherwise", () => {
    const { breaker } = opened();
    expect([breaker.wait(900_000), breaker.wait(100)]).toEqual([3_000, 100]);
    breaker.heard(true);
    expect(breaker.wait(900_000)).toBe(900_000);
  });
});
