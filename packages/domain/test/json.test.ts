import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNestedDeeper, parseExact, readJson, parseStrict, showJson } from "../src/index.js";

const code = (text: string) => {
  const parsed = parseStrict(text, 4);
  return parsed.ok ? "ok" : parsed.problem.code;
};

describe("strict JSON", () => {
  it.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a":1,"\\u0061":2}', "a"],
    ['[{"a":{"b":1}},{"a":{"b":1,"c":2,"b" \n:3}}]', "b"],
    ['{"a\\"":1,"a\\"":2}', 'a\\"'],
    ['{"a\\\\":1,"x":"\\"","a\\\\":2}', "a\\\\"],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
    ['{"":1,"":2}', ""],
  ])("names the key that %s has twice", (text, key) => {
    const parsed = parseStrict(text, 4);
    expect(parsed).toMatchObject({ ok: false, problem: { code: "duplicate_key" } });
    expect(parsed.ok || parsed.problem.detail).toContain(`"${key}"`);
  });

  it.each([
    '{"a":"x:y","b":"\\":"}',
    '[{"a":1},{"a":1}]',
    '{"a":{"a":{"a":1}}}',
    '"a:b"',
    '["a",":"]',
    '{"a":"\\\\"}',
  ])("takes %s", (text) => expect(parseStrict(text, 4)).toEqual({ ok: true, value: JSON.parse(text) }));

  it.each(["", "{", "NaN", "[1,]", "{'a':1}", "\ufeff{}", "01", "[1e]", '"\u0001"', "Infinity", "{} {}"])(
    "refuses %j",
    (text) => expect(code(text)).toBe("malformed_json"),
  );

  it("counts the outermost level as the first", () => {
    expect(code("[[[[1]]]]")).toBe("ok");
    expect(code("[[[[[]]]]]")).toBe("malformed_json");
    expect(code(`${"[".repeat(500_000)}${"]".repeat(500_000)}`)).toBe("malformed_json");
  });

  it("reads whatever JSON.stringify writes, and finds every key put in twice", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.string({ unit: "binary" }), (value, key) => {
        const text = JSON.stringify(value);
        expect(parseStrict(text, 8)).toEqual({ ok: true, value: JSON.parse(text) });
        const name = JSON.stringify(key);
        const doubled = `{${name}:${text},"${key.length}-other":"${"\\\\"}",${name}:${text}}`;
        expect(code(`[${doubled}]`)).not.toBe("ok");
      }),
      { numRuns: 300 },
    );
  });

  it("takes a hostile megabyte within a moment", () => {
    const started = performance.now();
    code(`"${"\\\\".repeat(500_000)}"`);
    code(`[${'"\\"",'.repeat(200_000)}1]`);
    code(`{${Array.from({ length: 100_000 }, (_, at) => `"${at}":1`).join(",")},"7":1}`);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe("JSON of others", () => {
  const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

  it("is read as JSON.parse reads it, the last of two equal keys too", () => {
    expect(readJson('{"a":1,"a":2}')).toEqual({ ok: true, value: { a: 2 } });
    expect(readJson("{")).toMatchObject({ ok: false, problem: { code: "malformed_json" } });
  });

  it("is read to 32 levels, or the given number, and is refused with the limit named", () => {
    expect(readJson(nested(32)).ok).toBe(true);
    for (const [read, limit] of [
      [readJson(nested(33)), 32],
      [readJson(nested(500_000)), 32],
      [readJson('{"a":{}}', 1), 1],
      [parseStrict(nested(33)), 32],
    ] as const) {
      expect(read).toMatchObject({
        ok: false,
        problem: { code: "malformed_json", detail: `nested deeper than ${limit} levels` },
        zh: `嵌套超过 ${limit} 层`,
      });
    }
  });

  it("is shown to a person only where it can be written", () => {
    expect([showJson({ a: [1] }), showJson(undefined)]).toEqual(['{"a":[1]}', "undefined"]);
    const deep: unknown = JSON.parse(nested(200_000));
    expect(isNestedDeeper(deep)).toBe(true);
    expect(showJson(deep)).toBe("(nested deeper than 32 levels)");
  });
});

describe("a quantity's own digits", () => {
  it.each([
    ['{"quantity": 999999999999.00001}', { quantity: "999999999999.00001" }],
    ['{"quantity":1.00000000000000001}', { quantity: "1.00000000000000001" }],
    ['{"quantity":1e-400,"other":1e-400}', { quantity: "1e-400", other: 0 }],
    ['{"quantity":1E400}', { quantity: "1E400" }],
    ['{"quantity":0.30000000000000004}', { quantity: "0.30000000000000004" }],
    [
      '[{"data":{"quantity":1e3,"n":[12345678901234567890]}}]',
      [{ data: { quantity: "1e3", n: [12345678901234567000] } }],
    ],
    [
      '{"quantity":1.5,"id":"a: 1e5, \\" 12345678901234567"}',
      { quantity: 1.5, id: 'a: 1e5, " 12345678901234567' },
    ],
    ['{"__proto__":{"quantity":1e2}}', JSON.parse('{"__proto__":{"quantity":"1e2"}}')],
  ])("%s", (text, value) => expect(parseExact(text, "quantity")).toEqual({ ok: true, value }));

  it("takes and reads JSON as ever but for quantities that a double does not hold", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseExact(text, "\u0000")).toEqual(parseStrict(text));
      }),
      { numRuns: 500 },
    );
  });
});
