import { expect, test } from "vitest";
import { idProblem, lateMost, madeAt } from "../src/usage/retention.js";
import { DAY, parseInstant } from "../src/time.js";

const NOW = parseInstant("2026-11-26T12:00:00Z")!;
const idOf = (at: number) => {
  const hex = (at / 1_000).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7123-8123-0123456789ab`;
};

test("a UUIDv7 shows when it was made, any other id nothing", () => {
  expect(madeAt(idOf(NOW))).toBe(NOW);
  for (const id of ["order-1", "", "0191f6a0-0000-4000-8000-000000000000", `${idOf(NOW)} `])
    expect(madeAt(id)).toBeUndefined();
});

test.each([
  [NOW, undefined],
  [NOW - lateMost(42), undefined],
  [NOW - lateMost(42) - 1_000, "id_too_old"],
  [0, "id_too_old"],
  [NOW + DAY, undefined],
  [NOW + DAY + 1_000, "id_in_future"],
  [(2 ** 48 - 1) * 1_000, "id_in_future"],
])("made at %d: %s", (at, code) => {
  expect(idProblem(idOf(at), NOW, 42)?.code).toBe(code);
});

test("events are taken for a week less than their identities are kept", () => {
  expect(lateMost(42)).toBe(35 * DAY);
  expect(lateMost(8)).toBe(DAY);
});
