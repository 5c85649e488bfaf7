-- Up Migration

-- Sums calls up again. Their rows are locked first, in order: of two that change one call, the second sees the first.
-- One by one: of many at once, the planner joins whole shards to them, which takes the square of their calls.
CREATE OR REPLACE FUNCTION sum_calls(calls bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one bigint;
BEGIN
  PERFORM FROM submissions WHERE submission_id = ANY (calls) ORDER BY submission_id FOR NO KEY UPDATE;
  IF cardinality(calls) > 1 THEN
    FOR one IN SELECT DISTINCT unnest(calls) LOOP
      PERFORM sum_calls(ARRAY[one]);
    END LOOP;
    RETURN;
  END IF;
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
