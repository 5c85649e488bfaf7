import { afterAll, beforeAll, expect, it } from "vitest";
import { startApi, type TestApi } from "./kit.js";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await api.post("/v1/meters", { code: "tokens", aggregation: "sum", scale: 2 });
  await api.pool.query("INSERT INTO sources (source) VALUES ('gw')");
  await api.pool.query(
    `WITH e AS (
       INSERT INTO events (source_no, key, timed, occurred, quantity)
       SELECT 1, gen_random_uuid(), false, now(), n * 1.125 FROM generate_series(1, 3) AS n RETURNING *
     )
     INSERT INTO quarantine (source_no, key, reason, subject, meter, quarantined_at)
     SELECT source_no, key, 'scale_exceeded', 'acme', 'tokens', now() FROM e`,
  );
});
afterAll(() => api.end());

const group = { reason: "scale_exceeded", meter: "tokens", subject: "acme", account: null };

it("says what ends each wait", async () => {
  const { items } = (await api.get("/v1/quarantine", { as: "finance" })).json;
  expect(items).toMatchObject([
    { ...group, events: 3, advice: { en: expect.stringContaining("meters rescale") } },
  ]);
});

it("a meter may have more decimals, never fewer, and the audit has it", async () => {
  expect((await api.post("/v1/meters/tokens/scale", { scale: 4 })).json).toMatchObject({ scale: 4 });
  expect((await api.post("/v1/meters/tokens/scale", { scale: 4 })).status).toBe(200);
  expect((await api.post("/v1/meters/tokens/scale", { scale: 3 })).json).toMatchObject({
    code: "state_forbids",
  });
  expect((await api.post("/v1/meters/none/scale", { scale: 3 })).json).toMatchObject({
    code: "unknown_meter",
  });
  expect((await api.get("/v1/audit?ref=tokens")).json.items).toMatchObject([
    { act: "meters.rescale", before: { scale: 2 }, after: { scale: 4 } },
  ]);
});

it("writes a group off with a reason: it no longer waits, and what was written off is shown", async () => {
  const wrong = await api.post("/v1/quarantine/write-off", { ...group, subject: "other", note: "x" });
  expect(wrong.json).toMatchObject({ code: "not_found" });
  expect((await api.post("/v1/quarantine/write-off", { ...group, note: "sent again" })).json).toEqual({
    ...group,
    events: 3,
  });
  expect((await api.get("/v1/quarantine")).json.items).toEqual([]);
  expect(
    (await api.get(`/v1/audit?ref=${encodeURIComponent("scale_exceeded tokens acme")}`)).json.items,
  ).toMatchObject([{ act: "quarantine.write_off", after: { events: 3, reason: "sent again" } }]);
  const { rows } = await api.pool.query(
    "SELECT what, reason, events::integer, trim_scale(quantity)::text AS quantity FROM billing.written_off",
  );
  expect(rows).toEqual([{ what: "quarantine", reason: "scale_exceeded", events: 3, quantity: "6.75" }]);
  expect((await api.pool.query("SELECT * FROM billing.quarantine")).rows).toEqual([]);
});
