import { HOUR } from "@quarterpast/domain";
import { keepCases } from "@quarterpast/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addRecord, clock, startApi, type TestApi } from "./kit.js";

let api: TestApi;
const records: Record<string, Awaited<ReturnType<typeof addRecord>>> = {};
beforeAll(async () => {
  api = await startApi();
  for (const state of [
    "accepted",
    "abnormal",
    "rejected_fixable",
    "rejected_final",
    "expired",
    "conflict",
    "billed",
  ] as const)
    records[state] = await addRecord(api, { instanceId: `i-${state}`, state });
  await api.pool.query(
    `INSERT INTO quarantine (source_no, key, reason, subject, meter, quarantined_at)
     SELECT 1, gen_random_uuid(), 'unknown_instance', 'acme', 'tokens', now() - n * interval '20 minutes'
     FROM generate_series(0, 2) AS n`,
  );
});
afterAll(() => api.end());

const keep = () => keepCases(api.pool, api.account.accountNo, clock.now());
const cases = async (query = "") =>
  (await api.get(`/v1/cases?limit=100${query}`, { as: "finance" })).json.items;
const caseOf = async (kind: string) => (await cases(`&kind=${kind}`))[0];

describe("cases", () => {
  it("are opened once for what a person has to settle, and for nothing else", async () => {
    expect(await keep()).toEqual({ opened: 6, settled: 0 });
    expect(await keep()).toEqual({ opened: 0, settled: 0 });
    const kinds = (await cases()).map(({ kind, ref }: { kind: string; ref: string }) => [kind, ref]);
    const of = (state: string) => [`record_${state}`, records[state]!.sn];
    expect(kinds.sort()).toEqual(
      [
        ...["abnormal", "rejected_fixable", "rejected_final", "expired", "conflict"].map(of),
        ["quarantine", "unknown_instance tokens acme"],
      ].sort(),
    );
    expect(await caseOf("quarantine")).toMatchObject({ detail: "2 events", owner: null, resolvedAt: null });
    expect((await cases("&cursor=1000")).length).toBe(0);
  });

  it("have an owner, a history and an audit", async () => {
    const { id } = await caseOf("record_conflict");
    expect((await api.post(`/v1/cases/${id}/assign`, { owner: "李雷" }, { as: "finance" })).status).toBe(403);
    expect((await api.post(`/v1/cases/${id}/assign`, { owner: "李雷" })).json).toMatchObject({
      owner: "李雷",
    });
    expect(await cases("&owner=%E6%9D%8E%E9%9B%B7")).toHaveLength(1);
    await api.post(`/v1/cases/${id}/note`, { reason: "called them" });
    expect((await api.get(`/v1/cases/${id}`)).json.history).toMatchObject([
      { act: "opened", keyId: "" },
      { act: "assign", detail: { owner: "李雷" }, keyId: "operator" },
      { act: "note", detail: { reason: "called them" } },
    ]);
    const audit = await api.get(`/v1/audit?ref=${records["conflict"]!.sn}`, { as: "auditor" });
    expect(audit.json.items).toMatchObject([
      { act: "cases.note" },
      { act: "cases.assign", before: { owner: null }, after: { owner: "李雷" }, keyId: "operator" },
    ]);
    await expect(api.pool.query("UPDATE case_history SET act = 'note'")).rejects.toThrow("append-only");
  });

  it("ask the marketplace with the evidence, in both languages", async () => {
    const { id } = await caseOf("record_abnormal");
    await api.pool.query(
      "INSERT INTO outcomes (sn, state, code, source, at) VALUES ($1, 'abnormal', '003', 'statement', now())",
      [records["abnormal"]!.sn],
    );
    const { text } = (await api.post(`/v1/cases/${id}/ask`, undefined)).json;
    for (const language of ["en", "zh"]) {
      expect(text[language]).toContain(records["abnormal"]!.sn);
      expect(text[language]).toContain("1.5000");
    }
    expect(text.zh).toContain("使用量异常");
    expect(text.en).toContain("the usage is abnormal");
  });

  it("file a record again only where that cannot bill twice", async () => {
    const { id } = await caseOf("record_abnormal");
    const asked = await api.post(`/v1/cases/${id}/rereport`, { quantity: "2", reason: "counted again" });
    expect(asked.status).toBe(200);
    expect((await api.post(`/v1/cases/${id}/rereport`, { reason: "x" })).json).toMatchObject({
      code: "state_forbids",
    });
    const { rows } = await api.pool.query("SELECT sn, quantity::text, reason FROM rereports");
    expect(rows).toEqual([{ sn: records["abnormal"]!.sn, quantity: "2", reason: "counted again" }]);
    const expired = await caseOf("record_expired");
    expect((await api.post(`/v1/cases/${expired.id}/rereport`, { reason: "x" })).json.detail).toContain(
      "is expired",
    );
  });

  it("send a record again as it was only where it surely was not taken", async () => {
    const { id } = await caseOf("record_rejected_fixable");
    expect((await api.post(`/v1/cases/${id}/resend`, { reason: "unfrozen" })).status).toBe(200);
    const { sn } = records["rejected_fixable"]!;
    expect((await api.get(`/v1/records/${sn}`)).json).toMatchObject({
      state: "frozen",
      outcomes: [{ state: "frozen", source: "operator" }],
    });
    const { rows } = await api.pool.query(
      "SELECT state, parent IS NOT NULL AS again FROM submissions ORDER BY submission_id DESC LIMIT 1",
    );
    expect(rows).toEqual([{ state: "frozen", again: true }]);
    const abnormal = await caseOf("record_abnormal");
    expect((await api.post(`/v1/cases/${abnormal.id}/resend`, { reason: "x" })).status).toBe(409);
    const quarantine = await caseOf("quarantine");
    expect((await api.post(`/v1/cases/${quarantine.id}/resend`, { reason: "x" })).json.detail).toContain(
      "not about a record",
    );
  });

  it("end the difference that they are about, and finding the same one again does not reopen it", async () => {
    const { sn } = records["abnormal"]!;
    await api.pool.query(
      `INSERT INTO statements (account_no, source, complete, lines, taken_at) VALUES ($1, 'x', false, 0, now())`,
      [api.account.accountNo],
    );
    const find = (kind: string) =>
      api.pool.query(
        `INSERT INTO findings (account_no, kind, sn, instance_id, begin_at, end_at, statement_id, found_at)
         VALUES ($1, $2, $3, 'i', now(), now(), 1, now())`,
        [api.account.accountNo, kind, sn],
      );
    await find("abnormal");
    const standing = async () => (await api.get("/v1/findings")).json.items;
    expect(await standing()).toMatchObject([{ kind: "abnormal", key: sn, act: "look" }]);
    const [first] = await standing();
    expect(
      (await api.post(`/v1/findings/${first.id}/settle`, { reason: "told" }, { as: "finance" })).status,
    ).toBe(403);
    expect((await api.post(`/v1/findings/${first.id}/settle`, { reason: "told" })).json).toEqual({
      id: first.id,
    });
    expect((await api.post(`/v1/findings/${first.id}/settle`, { reason: "told" })).status).toBe(404);
    expect((await api.get(`/v1/audit?ref=${first.id}`)).json.items).toMatchObject([
      { act: "findings.settle" },
    ]);
    await find("abnormal");
    const { id } = await caseOf("record_abnormal");
    await api.post(`/v1/cases/${id}/close`, { reason: "the marketplace told why" });
    expect(await standing()).toEqual([]);
  });

  it("are written off with a reason, for good, or settle themselves", async () => {
    const { id } = await caseOf("record_expired");
    expect((await api.post(`/v1/cases/${id}/write-off`, {})).status).toBe(400);
    expect((await api.post(`/v1/cases/${id}/write-off`, { reason: "too old" })).json).toMatchObject({
      resolution: "written_off",
    });
    expect((await api.post(`/v1/cases/${id}/note`, { reason: "x" })).status).toBe(409);
    expect((await api.post("/v1/cases/999/note", { reason: "x" })).status).toBe(404);
    await api.pool.query("UPDATE quarantine SET released_at = now()");
    await api.pool.query(
      "INSERT INTO outcomes (sn, state, source, at) VALUES ($1, 'billed', 'statement', now())",
      [records["conflict"]!.sn],
    );
    expect(await keep()).toEqual({ opened: 0, settled: 2 });
    expect((await cases("&all=true&kind=record_conflict"))[0]).toMatchObject({ resolution: "settled" });
    await api.pool.query(
      `INSERT INTO quarantine (source_no, key, reason, subject, meter, quarantined_at)
       VALUES (2, gen_random_uuid(), 'unknown_instance', 'acme', 'tokens', $1)`,
      [new Date(clock.now() / 1000 + 1).toISOString()],
    );
    expect(await keepCases(api.pool, api.account.accountNo, clock.now() + HOUR)).toEqual({
      opened: 1,
      settled: 0,
    });
  });
});
