import { expect, test } from "vitest";
import { ERRORS, QUARANTINE_REASONS, RuleError, type ErrorCode } from "../src/errors.js";

const CHINESE = /\p{Script=Han}/u;

test.each(Object.entries(ERRORS))(
  "%s has a status and a title in both languages",
  (code, { status, title }) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(title.en).toMatch(/^[\x20-\x7e]+$/);
    expect(title.zh).toMatch(CHINESE);
  },
);

test("only what can succeed later without a change may be tried again", () => {
  const retryable = Object.entries(ERRORS).flatMap(([code, kind]) => (kind.retryable ? [code] : []));
  expect(retryable.sort()).toEqual([
    "events_ahead",
    "id_in_future",
    "internal",
    "overloaded",
    "request_timeout",
    "time_in_future",
    "unavailable",
  ]);
});

test("codes are a promise to clients: none is renamed or dropped", () => {
  const codes: ErrorCode[] = [
    "already_exists",
    "bad_request",
    "body_too_large",
    "duplicate_key",
    "empty_batch",
    "field_invalid",
    "field_missing",
    "forbidden",
    "headers_too_large",
    "internal",
    "lives_overlap",
    "malformed_json",
    "method_not_allowed",
    "not_found",
    "overloaded",
    "quantity_invalid",
    "request_timeout",
    "state_forbids",
    "time_in_future",
    "time_too_old",
    "too_many_events",
    "unauthorized",
    "unavailable",
    "unknown_meter",
    "unsupported_media_type",
  ];
  expect(Object.keys(ERRORS)).toEqual(expect.arrayContaining(codes));
});

test("every reason to wait in quarantine has a text in both languages", () => {
  for (const { en, zh } of Object.values(QUARANTINE_REASONS)) {
    expect(en).toMatch(/^[\x20-\x7e]+$/);
    expect(zh).toMatch(CHINESE);
  }
});

test("an error carries its problem", () => {
  const error = new RuleError({ code: "unknown_meter", detail: "meter tokens", field: "type" });
  expect(error.message).toBe("unknown_meter: meter tokens");
  expect(error.problem.code).toBe("unknown_meter");
});
