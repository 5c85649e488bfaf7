import { STATE_GROUPS } from "@quarterpast/domain";
import { openLedger, type Ledger } from "@quarterpast/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLOSED_SETS } from "../src/db/closedSets.js";

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.end());

test("no column takes a word that is not of its set", async () => {
  for (const [name, words] of Object.entries(CLOSED_SETS)) {
    await expect(ledger.rows(`SELECT 'no such word'::${name}`)).rejects.toThrow(`${name}_check`);
    const taken = await ledger.rows<{ word: string }>(`SELECT unnest($1::text[])::${name}::text AS word`, [
      [...words],
    ]);
    expect(taken.map(({ word }) => word)).toEqual(words);
  }
  const columns = await ledger.rows<{ name: string }>(
    "SELECT DISTINCT domain_name AS name FROM information_schema.columns WHERE domain_name IS NOT NULL AND domain_schema = 'public'",
  );
  expect(columns.map(({ name }) => name).sort()).toEqual(Object.keys(CLOSED_SETS).sort());
});

test("a state belongs to the groups that the domain puts it in", async () => {
  for (const [group, states] of Object.entries(STATE_GROUPS)) {
    const found = await ledger.rows<{ state: string }>(
      `SELECT state FROM unnest($1::text[]) WITH ORDINALITY AS t (state, at) WHERE is_${group}(state) ORDER BY at`,
      [CLOSED_SETS.record_state],
    );
    expect(found.map(({ state }) => state).sort()).toEqual([...states].sort());
  }
});

/** Queries as they are asked, by the index made for their rows only. */
const SERVED: Record<string, string> = {
  submissions_due: `SELECT s.submission_id FROM submissions s WHERE s.account_no = 1 AND is_owed(s.state)
    AND s.next_at <= now() ORDER BY s.deadline, s.submission_id LIMIT 10 FOR UPDATE OF s SKIP LOCKED`,
  submissions_unsettled:
    "SELECT 1 FROM submissions s WHERE s.account_no = 1 AND s.deadline <= now() AND is_unsettled(s.state)",
  submissions_refused: "SELECT 1 FROM submissions s WHERE s.account_no = 1 AND is_troubled(s.state)",
  outcomes_refused: "SELECT o.sn FROM outcomes o WHERE is_watched(o.state)",
};

test("the index for a group's rows serves a query that asks for the group", async () => {
  const client = await ledger.pool.connect();
  try {
    // Of empty tables any plan is cheap: what is asked is whether the index can serve at all.
    await client.query("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off");
    for (const [index, query] of Object.entries(SERVED)) {
      const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN ${query}`);
      expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toContain(index);
    }
  } finally {
    client.release(true);
  }
});
