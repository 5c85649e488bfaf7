-- Up Migration

-- Records, residues and roots take their instance from this table in the statement that makes them, and no instance is
-- ever deleted: that is held here, for a check of each row cost as much as the row itself (14 of 47 µs of a record,
-- 15 of 21 µs of a residue).
CREATE TRIGGER instances_kept BEFORE DELETE ON instances FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE records DROP CONSTRAINT records_instance_no_fkey;
ALTER TABLE residues DROP CONSTRAINT residues_instance_no_fkey;
ALTER TABLE record_proofs DROP CONSTRAINT record_proofs_instance_no_fkey, DROP CONSTRAINT record_proofs_sn_fkey;

-- What was filed, summed up in its present state ----------------------------------------------------------------------
--
-- A record's state is that of the newest call that carries it, unless it fared otherwise. So sums are kept per call, and
-- say by the call's own row what state they are in: a call that is accepted or billed changes no sum. A record that fares
-- otherwise leaves its call's sums and stands by itself. Triggers keep both tables, in the transaction of the change,
-- whoever makes it; nothing else writes them.

CREATE TABLE call_totals (
  submission_id bigint NOT NULL REFERENCES submissions,
  account_no smallint NOT NULL,
  hour timestamptz NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL,
  kind text NOT NULL,
  -- Zeros stay: a call has a row for each hour that it carries records of.
  records bigint NOT NULL,
  quantity numeric NOT NULL,
  PRIMARY KEY (submission_id, hour, product, meter_no, kind)
);
CREATE INDEX call_totals_hour ON call_totals (account_no, hour);

-- Records with an outcome of their own, or replaced.
CREATE TABLE own_states (
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  state text NOT NULL,
  -- Null where another record replaced it: that is final.
  outcome_id bigint,
  hour timestamptz NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL,
  kind text NOT NULL,
  quantity numeric NOT NULL,
  PRIMARY KEY (account_no, shard, seq)
);
CREATE INDEX own_states_hour ON own_states (account_no, hour);

-- Sums calls up again. Their rows are locked first, in order: of two that change one call, the second sees the first.
CREATE FUNCTION sum_calls(calls bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM submissions WHERE submission_id = ANY (calls) ORDER BY submission_id FOR NO KEY UPDATE;
  DELETE FROM call_totals WHERE submission_id = ANY (calls);
  INSERT INTO call_totals (submission_id, account_no, hour, product, meter_no, kind, records, quantity)
  SELECT s.submission_id, s.account_no, r.hour, i.product, i.meter_no, r.kind, count(*) FILTER (WHERE m.mine),
    COALESCE(sum(r.quantity) FILTER (WHERE m.mine), 0)
  FROM submissions s
  LEFT JOIN LATERAL (
    SELECT range_agg(int8range(n.seq_from, n.seq_to, '[]')) AS places FROM submissions n
    WHERE int8range(chain_position(n.account_no, n.shard, n.seq_from), chain_position(n.account_no, n.shard, n.seq_to), '[]')
        && int8range(chain_position(s.account_no, s.shard, s.seq_from), chain_position(s.account_no, s.shard, s.seq_to), '[]')
      AND n.submission_id > s.submission_id AND n.state <> 'split'
  ) newer ON true
  JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
  JOIN instances i USING (instance_no)
  LEFT JOIN own_states o ON o.account_no = r.account_no AND o.shard = r.shard AND o.seq = r.seq
  CROSS JOIN LATERAL (SELECT o.seq IS NULL AND NOT COALESCE(newer.places @> r.seq, false) AS mine) m
  WHERE s.submission_id = ANY (calls) AND s.state <> 'split'
  GROUP BY s.submission_id, s.account_no, r.hour, i.product, i.meter_no, r.kind;
END $$;

-- The calls, cut ones apart, that carry a place of a chain.
CREATE FUNCTION calls_of(account smallint, shard smallint, seq bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT submission_id FROM submissions s
  WHERE int8range(chain_position(s.account_no, s.shard, s.seq_from), chain_position(s.account_no, s.shard, s.seq_to), '[]')
      @> chain_position($1, $2, $3)
    AND s.state <> 'split'
$$;

CREATE FUNCTION sum_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM sum_calls(ARRAY(
    SELECT submission_id FROM added
    UNION SELECT s.submission_id FROM added n JOIN submissions s ON s.state <> 'split'
      AND int8range(chain_position(s.account_no, s.shard, s.seq_from), chain_position(s.account_no, s.shard, s.seq_to), '[]')
        && int8range(chain_position(n.account_no, n.shard, n.seq_from), chain_position(n.account_no, n.shard, n.seq_to), '[]')));
  RETURN NULL;
END $$;
CREATE TRIGGER submissions_summed AFTER INSERT ON submissions REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION sum_new_calls();

CREATE FUNCTION note_outcomes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  calls bigint[];
BEGIN
  WITH newest AS (
    SELECT DISTINCT ON (sn) sn, state, outcome_id FROM added ORDER BY sn, outcome_id DESC
  ), noted AS (
    INSERT INTO own_states AS o (account_no, shard, seq, state, outcome_id, hour, product, meter_no, kind, quantity)
    SELECT r.account_no, r.shard, r.seq, n.state, n.outcome_id, r.hour, i.product, i.meter_no, r.kind, r.quantity
    FROM newest n JOIN records r USING (sn) JOIN instances i USING (instance_no)
    ORDER BY r.account_no, r.shard, r.seq
    ON CONFLICT (account_no, shard, seq) DO UPDATE SET state = excluded.state, outcome_id = excluded.outcome_id
      WHERE o.outcome_id < excluded.outcome_id
    -- Only a row that is new has no updater.
    RETURNING o.account_no, o.shard, o.seq, o.xmax = 0 AS is_new
  )
  SELECT array_agg(DISTINCT c) INTO calls FROM noted n, calls_of(n.account_no, n.shard, n.seq) AS c WHERE n.is_new;
  IF calls IS NOT NULL THEN
    PERFORM sum_calls(calls);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outcomes_noted AFTER INSERT ON outcomes REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION note_outcomes();

CREATE FUNCTION note_replaced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO own_states AS o (account_no, shard, seq, state, hour, product, meter_no, kind, quantity)
  SELECT r.account_no, r.shard, r.seq, 'replaced', r.hour, i.product, i.meter_no, r.kind, r.quantity
  FROM records r JOIN instances i USING (instance_no) WHERE r.sn = NEW.replaces
  ON CONFLICT (account_no, shard, seq) DO UPDATE SET state = 'replaced', outcome_id = NULL;
  PERFORM sum_calls(ARRAY(SELECT c FROM records r, calls_of(r.account_no, r.shard, r.seq) AS c WHERE r.sn = NEW.replaces));
  RETURN NULL;
END $$;
CREATE TRIGGER records_replace AFTER INSERT ON records FOR EACH ROW WHEN (NEW.replaces IS NOT NULL)
  EXECUTE FUNCTION note_replaced();

-- What is there already.
INSERT INTO own_states (account_no, shard, seq, state, outcome_id, hour, product, meter_no, kind, quantity)
SELECT r.account_no, r.shard, r.seq, COALESCE(n.state, o.state), CASE WHEN n.state IS NULL THEN o.outcome_id END, r.hour,
  i.product, i.meter_no, r.kind, r.quantity
FROM records r
JOIN instances i USING (instance_no)
LEFT JOIN (SELECT DISTINCT ON (sn) sn, state, outcome_id FROM outcomes ORDER BY sn, outcome_id DESC) o ON o.sn = r.sn
LEFT JOIN (SELECT DISTINCT replaces AS sn, 'replaced' AS state FROM records WHERE replaces IS NOT NULL) n ON n.sn = r.sn
WHERE o.sn IS NOT NULL OR n.sn IS NOT NULL;
SELECT sum_calls(ARRAY(SELECT submission_id FROM submissions));

CREATE VIEW billing.records_by_hour AS
SELECT a.code AS account, t.hour, t.product, m.code AS meter, m.unit, t.kind, t.state, sum(t.records)::bigint AS records,
  sum(t.quantity) AS quantity
FROM (
  SELECT c.account_no, c.hour, c.product, c.meter_no, c.kind, s.state, c.records, c.quantity
  FROM call_totals c JOIN submissions s USING (submission_id) WHERE s.state <> 'split' AND c.records > 0
  UNION ALL
  SELECT account_no, hour, product, meter_no, kind, state, 1, quantity FROM own_states
) t
JOIN accounts a USING (account_no)
JOIN meters m USING (meter_no)
GROUP BY a.code, t.hour, t.product, m.code, m.unit, t.kind, t.state;

COMMENT ON VIEW billing.records_by_hour IS
  'Bill records summed up by hour, product, meter, kind and present state: the same as of billing.records, and at once.';

-- A text as a cell of CSV (RFC 4180): what a spreadsheet program would take for a formula gets an apostrophe before it.
CREATE FUNCTION csv_cell(cell text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN guarded ~ E'[",\n\r]' THEN '"' || replace(guarded, '"', '""') || '"' ELSE guarded END
  FROM (SELECT CASE WHEN cell ~ E'^[=+@\t\r＝＋－＠-]' THEN '''' || cell ELSE cell END AS guarded) g
$$;
