import { describe, expect, test } from "vitest";
import {
  DAY,
  floorSecond,
  formatCompact,
  formatInstant,
  HOUR,
  hourOf,
  parseCompact,
  parseInstant,
  SECOND,
} from "../src/time.js";
import { fc } from "./property.js";

/** 1970 to 2199, to the microsecond. */
const instant = fc.integer({ min: 0, max: 7_258_118_399_999_999 });

describe("an RFC 3339 time", () => {
  test("is read alike with milliseconds, which has a way of its own, and with microseconds, damaged or not", () => {
    const damage = fc.record({ at: fc.nat(22), sign: fc.constantFrom(..."0123459:.-TtZ x\uff11") });
    fc.assert(
      fc.property(instant, fc.array(damage, { maxLength: 2 }), (at, damages) => {
        const whole = new Date(Math.floor(at / 1_000)).toISOString();
        // So that the hour is in the cache.
        parseInstant(whole);
        const signs = [...whole];
        for (const { at: place, sign } of damages) signs[place] = sign;
        const text = signs.join("");
        expect(parseInstant(text)).toBe(parseInstant(text.replace(/Z$/, "000Z")));
      }),
    );
  });

  test.each([
    ["1970-01-01T00:00:00Z", 0],
    ["2023-11-16T18:17:03.9799600Z", 1_700_158_623_979_960],
    ["2023-11-16 18:17:03.979960z", 1_700_158_623_979_960],
    ["2023-11-17t02:17:03.97996+08:00", 1_700_158_623_979_960],
    ["2023-11-16T12:47:03.979960-05:30", 1_700_158_623_979_960],
    ["2023-11-16T18:17:03.979960999999Z", 1_700_158_623_979_960],
    ["2024-02-29T00:00:00Z", 1_709_164_800_000_000],
    ["2000-01-01T00:00:00-00:00", 946_684_800_000_000],
  ])("%s is read", (text, micros) => expect(parseInstant(text)).toBe(micros));

  test.each([
    "",
    "now",
    "1700158623",
    "2023-11-16",
    "2023-11-16T18:17Z",
    "2023-11-16T18:17:03",
    "2023-11-16T18:17:03.Z",
    "2023-11-16T18:17:03,5Z",
    "2023-11-16T18:17:03.1234567890123Z",
    "2023-11-16T18:17:03+0800",
    "2023-11-16T18:17:03+24:00",
    "2023-11-16T18:17:03+08:60",
    "2023-02-29T00:00:00Z",
    "2023-04-31T00:00:00Z",
    "2023-13-01T00:00:00Z",
    "2023-00-10T00:00:00Z",
    "2023-01-00T00:00:00Z",
    "2023-01-01T24:00:00Z",
    "2023-01-01T00:60:00Z",
    "2016-12-31T23:59:60Z",
    "0000-01-01T00:00:00Z",
    "0070-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "12023-01-01T00:00:00Z",
    "-2023-01-01T00:00:00Z",
    " 2023-01-01T00:00:00Z",
    "2023-01-01T00:00:00Z\n",
    "２０２３-01-01T00:00:00Z",
  ])("%j is refused", (text) => expect(parseInstant(text)).toBeUndefined());

  test("one without a zone is UTC where that is allowed, and refused where not", () => {
    expect(parseInstant("2023-11-16 18:15:46.680590", "utc")).toBe(1_700_158_546_680_590);
    expect(parseInstant("2023-11-16T18:15:46.680590", "required")).toBeUndefined();
  });

  test("writing and reading again gives the same instant, to the microsecond", () => {
    fc.assert(
      fc.property(instant, (at) => {
        expect(parseInstant(formatInstant(at))).toBe(at);
        expect(Date.parse(formatInstant(at))).toBe(Math.floor(at / 1000));
      }),
    );
  });

  test("an offset names another writing of the same instant", () => {
    const offset = fc.tuple(fc.constantFrom("+", "-"), fc.nat(14), fc.nat(59));
    fc.assert(
      fc.property(
        fc.integer({ min: DAY, max: 4_000_000_000_000_000 }),
        offset,
        (at, [sign, hours, minutes]) => {
          const shift = (sign === "+" ? 1 : -1) * (hours * 60 + minutes) * 60 * SECOND;
          const zone = `${sign}${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`;
          expect(parseInstant(formatInstant(at + shift).replace("Z", zone))).toBe(at);
        },
      ),
    );
  });
});

test("the compact form of bill records holds whole seconds", () => {
  expect(formatCompact(1_700_158_623_979_960)).toBe("20231116T181703Z");
  fc.assert(
    fc.property(instant, (at) => {
      expect(parseCompact(formatCompact(at))).toBe(floorSecond(at));
    }),
  );
  for (const text of ["20231116T181703", "20230229T000000Z", "2023-11-16T18:17:03Z", "20231116T240000Z"])
    expect(parseCompact(text)).toBeUndefined();
});

test("each instant lies in just one hour", () => {
  fc.assert(
    fc.property(instant, (at) => {
      const hour = hourOf(at);
      expect(hour % HOUR).toBe(0);
      expect(hour <= at && at < hour + HOUR).toBe(true);
      expect(hourOf(hour)).toBe(hour);
      expect(hourOf(hour + HOUR - 1)).toBe(hour);
    }),
  );
});
