import { describe, expect, test } from "vitest";
import { adviceOf } from "../src/koogallery/advice.js";
import {
  CALL_CODES,
  normalCallCode,
  normalRecordCode,
  RECORD_CODES,
  ruleOfCallCode,
} from "../src/koogallery/codes.js";
import { createNewPush } from "../src/koogallery/newPush.js";
import { decide, readReply } from "../src/koogallery/reply.js";

const CALL = [
  { serialNumber: "s1", wire: "{}" },
  { serialNumber: "s2", wire: "{}" },
];
const never = () => {
  throw new Error("no key is needed to read a reply");
};
const read = (body: unknown) =>
  readReply(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
const decided = (body: unknown, status = 200, records = CALL) =>
  decide(
    read(body),
    status,
    undefined,
    createNewPush(never, () => "nonce"),
    records,
  );

// The table of koogallery.md 1.5, copied by hand.
const EXPECTED: Record<string, string> = {
  "0000": "accepted",
  "0999": "unknown",
  "0100": "rejected_fixable",
  "0101": "rejected_fixable",
  "0102": "halt",
  "0199": "halt",
  "0150": "rejected_final",
  "0151": "halt",
  "0154": "halt",
  "0250": "retry",
  "9001": "rejected_fixable",
  "9002": "rejected_fixable",
  "9003": "split",
  "9004": "rejected_final",
  "9005": "rejected_fixable",
};

describe("codes of a call", () => {
  test("are all there, and no others", () => {
    expect(Object.keys(CALL_CODES).sort()).toEqual(
      Object.keys(EXPECTED)
        .map((code) => `MKT.${code}`)
        .concat("94060010", "94060999")
        .sort(),
    );
    for (const { meaning } of [...Object.values(CALL_CODES), ...Object.values(RECORD_CODES)]) {
      expect(meaning.en).toMatch(/^[\x20-\x7e]+$/);
      expect(meaning.zh).toMatch(/\p{Script=Han}/u);
    }
  });

  test.each(Object.entries(EXPECTED))(
    "MKT.%s is %s, whatever the HTTP status and the prefix",
    (code, expected) => {
      for (const spelled of [`MKT.${code}`, `CBC.${code}`, ` MKT. ${code} `]) {
        for (const status of [200, 302, 400, 401, 406, 429, 500, 503]) {
          const { verdict } = decided({ error_code: spelled, error_msg: "x", extra: 1 }, status);
          expect(verdict.kind === "refused" ? verdict.outcome : verdict.kind).toBe(expected);
          if (verdict.kind !== "accepted") expect(verdict.code).toBe(`MKT.${code}`);
        }
      }
    },
  );

  test.each(["MKT.7777", "MKT.00000", "0000", "success", "", "__proto__", "constructor", "MKT.9999"])(
    "%j is in no table: unknown",
    (code) => {
      for (const status of [200, 400, 500])
        expect(decided({ error_code: code }, status).verdict.kind).toBe("unknown");
    },
  );

  test.each([
    "",
    "null",
    "[]",
    "<html>MKT.0000</html>",
    '{"error_code":0}',
    '{"data":{"error_code":"MKT.0000"}}',
    '{"error_code":"MKT.0000"',
  ])("a body that carries no code is unknown: %s", (body) => {
    for (const status of [200, 429, 500]) {
      expect(decided(body, status).verdict).toMatchObject({ kind: "unknown", code: "NO_CODE" });
    }
  });

  test("a code of the gateway is the gateway's own answer", () => {
    const kindOf = (status: number) => ruleOfCallCode("APIGW.0301", status).decision.kind;
    expect([401, 403, 404, 429, 500, 502, 504, 200].map(kindOf)).toEqual([
      "halt",
      "halt",
      "halt",
      "retry",
      "unknown",
      "unknown",
      "unknown",
      "unknown",
    ]);
    expect(ruleOfCallCode("APIG.0308", 429).decision.kind).toBe("retry");
  });

  // The newer table (koogallery-license-joint.md 9).
  test("94060999 refuses: each record that the reply names by its own code, the others go again or are cut", () => {
    const failed = (...entries: object[]) => ({
      ...{ error_code: "94060999", error_msg: "Failed" },
      abnormal_usage_data: entries,
    });
    const [named, other] = [
      { metering_sn: "s1", error_code: "003" },
      { metering_sn: "s2", error_code: "005" },
    ];
    for (const status of [200, 500]) {
      expect(decided(failed(named, other), status).verdict).toMatchObject({
        kind: "accepted",
        exceptions: [
          { serialNumber: "s1", outcome: "rejected_fixable", code: "003" },
          { serialNumber: "s2", outcome: "duplicate", code: "005" },
        ],
      });
      expect(decided(failed(named), status).verdict).toMatchObject({
        kind: "accepted",
        exceptions: [
          { serialNumber: "s1", outcome: "rejected_fixable", code: "003" },
          { serialNumber: "s2", outcome: "not_taken", code: "94060999" },
        ],
      });
      expect(decided(failed(), status).verdict).toMatchObject({
        kind: "refused",
        bisect: true,
        suspects: [],
      });
    }
    const alone = CALL.slice(0, 1);
    expect(decided(failed(), 200, alone).verdict).toMatchObject({
      ...{ kind: "refused", outcome: "rejected_fixable", bisect: false },
    });
    expect(decided(failed(named), 200, alone).verdict).toMatchObject({
      ...{ kind: "accepted", exceptions: [{ serialNumber: "s1", code: "003" }] },
    });
  });

  test("94060010, the seller's state is invalid, halts; any other code of that table is unknown", () => {
    expect(decided({ error_code: "94060010" }, 401).verdict).toMatchObject({ kind: "halt" });
    expect(decided({ error_code: "94060011" }, 200).verdict).toMatchObject({ kind: "unknown" });
  });

  test.each(["94060010", "94060999"])("%s says what to do, in both languages", (code) => {
    expect(adviceOf(code)).toEqual({
      act: expect.stringMatching(/^(ask|look)$/) as string,
      advice: {
        en: expect.stringMatching(/[a-z]/) as string,
        zh: expect.stringMatching(/\p{Script=Han}/u) as string,
      },
    });
  });

  test("a refusal of a single record is that record's: neither cut nor split again", () => {
    const alone = CALL.slice(0, 1);
    expect(decided({ error_code: "MKT.9002" }, 500).verdict).toMatchObject({ kind: "refused", bisect: true });
    expect(decided({ error_code: "MKT.9002" }, 500, alone).verdict).toMatchObject({
      kind: "refused",
      bisect: false,
    });
    expect(decided({ error_code: "MKT.9003" }, 500, alone).verdict).toMatchObject({
      kind: "refused",
      bisect: false,
    });
  });

  test("are brought to the table's form", () => {
    expect([" CBC . 9001 ", "mkt.0250", "APIGW.0301"].map(normalCallCode)).toEqual([
      "MKT.9001",
      "MKT.0250",
      "APIGW.0301",
    ]);
    expect(["5", 5, "005", "MKT.005", "SDR-010", "x1", "0005"].map(normalRecordCode)).toEqual([
      "005",
      "005",
      "005",
      "005",
      "010",
      "x1",
      "0005",
    ]);
  });
});

describe("abnormal records of a reply", () => {
  const withList = (list: unknown) => ({
    error_code: "MKT.0000",
    error_msg: "success",
    abnormal_usage_data: list,
  });
  const exceptionsOf = (body: unknown) => {
    const { verdict, unmatched } = decided(body);
    return { exceptions: verdict.kind === "accepted" ? verdict.exceptions : verdict, unmatched };
  };

  test.each([
    ["001", "rejected_fixable"],
    ["002", "rejected_fixable"],
    ["003", "rejected_fixable"],
    ["004", "rejected_fixable"],
    ["005", "duplicate"],
    ["006", "rejected_final"],
    ["007", "rejected_final"],
    ["008", "unknown"],
    ["009", "rejected_final"],
    ["010", "duplicate"],
    ["011", "rejected_fixable"],
    ["012", "rejected_final"],
    ["013", "rejected_fixable"],
    ["099", "unknown"],
  ])("code %s is %s", (code, outcome) => {
    const { exceptions } = exceptionsOf(withList([{ metering_sn: "s2", error_code: code, new_field: {} }]));
    expect(exceptions).toMatchObject([{ serialNumber: "s2", outcome, code }]);
    expect(Object.hasOwn(RECORD_CODES, code)).toBe(outcome !== "unknown");
  });

  test.each([
    [
      "nested",
      { error_code: "MKT.0000", data: [{ info: { abnormal_usage_data: [{ metering_sn: "s1", code: 3 }] } }] },
    ],
    [
      "in itself",
      {
        error_code: "MKT.0000",
        abnormal_usage_data: { abnormal_usage_data: [{ metering_sn: "s1", code: 3 }] },
      },
    ],
    ["a single object", { error_code: "MKT.0000", abnormal_usage_data: { metering_sn: "s1", code: "003" } }],
    [
      "in a string",
      {
        error_code: "MKT.0000",
        extra_info: JSON.stringify({ abnormal_usage_data: [{ meteringSn: " s1 ", errorCode: "3" }] }),
      },
    ],
  ])("are found %s", (_, body) => {
    expect(exceptionsOf(body)).toMatchObject({
      exceptions: [{ serialNumber: "s1", code: "003" }],
      unmatched: [],
    });
  });

  test("are not lost where they fit no record of ours, or contradict one another", () => {
    const list = [
      { metering_sn: "stranger", error_code: "003" },
      { error_code: "004" },
      "text",
      { metering_sn: "s1", error_code: "003" },
      { metering_sn: "s1", error_code: "003" },
      { metering_sn: "s1", error_code: "005" },
    ];
    const { exceptions, unmatched } = exceptionsOf(withList(list));
    expect(exceptions).toMatchObject([{ serialNumber: "s1", code: "003" }]);
    expect(unmatched.map((entry) => JSON.parse(entry) as unknown)).toEqual([
      list[0],
      list[1],
      list[2],
      list[5],
    ]);
  });

  test("in a refused call are its suspects", () => {
    const body = {
      error_code: "MKT.9002",
      extra_info: { abnormal_usage_data: [{ metering_sn: "s2", error_code: "003" }] },
    };
    expect(decided(body, 500).verdict).toMatchObject({ kind: "refused", suspects: ["s2"] });
  });

  test("bring no text that a database cannot hold, and no reply nests too deep", () => {
    const { exceptions } = exceptionsOf(
      withList([{ metering_sn: "s1", error_code: "a\0\ud800", error_msg: "\0".repeat(900) }]),
    );
    expect(exceptions).toMatchObject([{ code: "a\ufffd\ufffd", detail: "\ufffd".repeat(500) }]);
    const deep = `{"error_code":"MKT.0000","x":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    expect(exceptionsOf(deep)).toEqual({ exceptions: [], unmatched: [] });
    const entry = `{"error_code":"MKT.0000","abnormal_usage_data":[${"[".repeat(20_000)}${"]".repeat(20_000)}]}`;
    expect(exceptionsOf(entry)).toEqual({ exceptions: [], unmatched: ["(nested deeper than 32 levels)"] });
  });
});
