-- Up Migration

-- Who reports to whom -------------------------------------------------------------------------------------------

CREATE TABLE accounts (
  account_no smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE,
  marketplace text NOT NULL,
  site text NOT NULL,
  -- Set while the marketplace refuses our key, signature or rights: nothing is sent until a probe succeeds.
  halted_code text,
  halted_at timestamptz,
  created_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
  key_id text PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('ingest', 'operator', 'finance', 'auditor')),
  secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
  created_at timestamptz NOT NULL,
  revoked_at timestamptz
);

CREATE TABLE clock (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  real_anchor timestamptz NOT NULL,
  product_anchor timestamptz NOT NULL,
  rate numeric NOT NULL CHECK (rate >= 0),
  -- The last reading known to have been given out; a restart never starts before it.
  beat_product timestamptz NOT NULL
);

CREATE TABLE meters (
  meter_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE,
  aggregation text NOT NULL CHECK (aggregation IN ('sum', 'count', 'max', 'unique')),
  unit text NOT NULL,
  scale smallint NOT NULL CHECK (scale BETWEEN 0 AND 12),
  created_at timestamptz NOT NULL
);

CREATE TABLE instances (
  instance_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  instance_id text NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL REFERENCES meters,
  subject text NOT NULL,
  shard smallint NOT NULL CHECK (shard >= 0),
  cycle text NOT NULL CHECK (cycle IN ('hourly', 'daily')),
  opened timestamptz NOT NULL CHECK (date_trunc('second', opened) = opened),
  closed timestamptz CHECK (date_trunc('second', closed) = closed AND closed > opened),
  created_at timestamptz NOT NULL,
  UNIQUE (account_no, instance_id)
);
CREATE INDEX instances_binding ON instances (account_no, subject, meter_no, opened);

-- Usage ---------------------------------------------------------------------------------------------------------

CREATE TABLE sources (
  source_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  source text NOT NULL,
  UNIQUE (account_no, source)
);

CREATE TABLE expected_sources (
  source_no integer NOT NULL REFERENCES sources,
  -- Empty: any meter counts as heard.
  meter text NOT NULL DEFAULT '',
  since timestamptz NOT NULL,
  PRIMARY KEY (source_no, meter)
);

CREATE TABLE heard (
  source_no integer NOT NULL REFERENCES sources,
  meter text NOT NULL,
  hour timestamptz NOT NULL,
  PRIMARY KEY (source_no, meter, hour)
);

-- One row per event identity, counted or quarantined (instance_no is null while it waits in quarantine).
CREATE TABLE events (
  source_no integer NOT NULL,
  instance_no integer,
  key uuid NOT NULL,
  payload_hash uuid NOT NULL,
  occurred timestamptz NOT NULL,
  received timestamptz NOT NULL,
  bill_hour timestamptz,
  quantity numeric CHECK (quantity >= 0 AND quantity < 'Infinity'),
  value text,
  -- Null where the key carries the id in itself.
  id text,
  extensions jsonb,
  PRIMARY KEY (source_no, key),
  CHECK ((instance_no IS NULL) = (bill_hour IS NULL))
);
CREATE INDEX events_occurred ON events USING brin (occurred);

CREATE TABLE quarantine (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  account_no smallint NOT NULL,
  reason text NOT NULL,
  subject text NOT NULL,
  meter text NOT NULL,
  -- The event as it came, where the database refuses its fields.
  raw bytea,
  quarantined_at timestamptz NOT NULL,
  -- Set when the event was driven again and counted.
  released_at timestamptz,
  PRIMARY KEY (source_no, key)
);
CREATE INDEX quarantine_waiting ON quarantine (account_no, subject, meter) WHERE released_at IS NULL;

CREATE TABLE conflicts (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  payload_hash uuid NOT NULL,
  subject text NOT NULL,
  meter text NOT NULL,
  occurred timestamptz NOT NULL,
  quantity numeric,
  value text,
  found_at timestamptz NOT NULL,
  PRIMARY KEY (source_no, key, payload_hash)
);

CREATE TABLE hour_usage (
  shard smallint NOT NULL,
  bill_hour timestamptz NOT NULL,
  instance_no integer NOT NULL,
  origin_hour timestamptz NOT NULL,
  quantity numeric NOT NULL CHECK (quantity >= 0 AND quantity < 'Infinity'),
  events bigint NOT NULL,
  PRIMARY KEY (shard, bill_hour, instance_no, origin_hour),
  CHECK (origin_hour <= bill_hour)
);

-- What max and unique meters have seen of an origin hour, for as long as late events are accepted.
CREATE TABLE standing_max (
  instance_no integer NOT NULL,
  origin_hour timestamptz NOT NULL,
  value numeric NOT NULL,
  previous numeric NOT NULL DEFAULT 0,
  PRIMARY KEY (instance_no, origin_hour)
);
CREATE TABLE standing_values (
  instance_no integer NOT NULL,
  origin_hour timestamptz NOT NULL,
  value_key uuid NOT NULL,
  PRIMARY KEY (instance_no, origin_hour, value_key)
);

CREATE TABLE collectors (
  collector_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  -- Product time: all that was acknowledged before it has receipts.
  watermark timestamptz NOT NULL,
  -- Real time of the last word from it; left_at when it stopped with nothing outstanding.
  beat_at timestamptz NOT NULL,
  left_at timestamptz
);

CREATE TABLE receipts (
  collector_no integer NOT NULL,
  seq bigint NOT NULL,
  counted integer NOT NULL,
  duplicates integer NOT NULL,
  conflicts integer NOT NULL,
  quarantined integer NOT NULL,
  committed_at timestamptz NOT NULL,
  PRIMARY KEY (collector_no, seq)
);

-- Hours ---------------------------------------------------------------------------------------------------------

CREATE TABLE shards (
  shard smallint PRIMARY KEY,
  -- Every hour that begins before this is sealed.
  sealed_before timestamptz NOT NULL CHECK (date_trunc('hour', sealed_before) = sealed_before)
);

CREATE TABLE hours (
  hour timestamptz NOT NULL CHECK (date_trunc('hour', hour) = hour),
  shard smallint NOT NULL,
  status text NOT NULL CHECK (status IN ('complete', 'nothing', 'incomplete')),
  reason text NOT NULL DEFAULT '',
  sealed_at timestamptz NOT NULL,
  -- Freezing goes by instance in chunks; null frozen_at is work left to do.
  frozen_through integer NOT NULL DEFAULT 0,
  frozen_at timestamptz,
  PRIMARY KEY (hour, shard)
);
CREATE INDEX hours_to_freeze ON hours (shard, hour) WHERE frozen_at IS NULL;

-- Records -------------------------------------------------------------------------------------------------------

CREATE TABLE chains (
  account_no smallint NOT NULL REFERENCES accounts,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  checksum text NOT NULL,
  PRIMARY KEY (account_no, shard)
);

CREATE TABLE records (
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  sn text NOT NULL UNIQUE,
  kind text NOT NULL CHECK (kind IN ('usage', 'supplement', 'rereport')),
  instance_no integer NOT NULL REFERENCES instances,
  hour timestamptz NOT NULL,
  begin_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL CHECK (end_at > begin_at),
  part text NOT NULL,
  quantity numeric NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
  events bigint NOT NULL,
  replaces text REFERENCES records (sn),
  canonical text NOT NULL,
  checksum text NOT NULL,
  prev text NOT NULL,
  wire text NOT NULL,
  wire_version smallint NOT NULL,
  window_ends timestamptz NOT NULL,
  late_ends timestamptz NOT NULL,
  expires timestamptz NOT NULL,
  frozen_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, shard, seq),
  UNIQUE (instance_no, begin_at, end_at, part)
);
CREATE INDEX records_hour ON records (hour, instance_no);
CREATE INDEX records_replaces ON records (replaces) WHERE replaces IS NOT NULL;

CREATE TABLE residues (
  instance_no integer NOT NULL REFERENCES instances,
  hour timestamptz NOT NULL,
  residue numeric NOT NULL CHECK (residue >= 0),
  PRIMARY KEY (instance_no, hour)
);

-- Usage of a life that is over, for which no second is left to bill: told, never dropped.
CREATE TABLE unbillable (
  instance_no integer NOT NULL REFERENCES instances,
  hour timestamptz NOT NULL,
  quantity numeric NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (instance_no, hour)
);

-- Submissions ---------------------------------------------------------------------------------------------------

CREATE TABLE submissions (
  submission_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  -- The records it carries: a range of the chain.
  seq_from bigint NOT NULL,
  seq_to bigint NOT NULL CHECK (seq_to >= seq_from),
  -- The call this one was cut from, or the one whose record it sends again.
  parent bigint REFERENCES submissions,
  state text NOT NULL,
  code text,
  -- Once a byte went to a host, its records stay with it.
  host text,
  deadline timestamptz NOT NULL,
  expires timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  fence integer NOT NULL DEFAULT 0,
  -- Real time: leases and retries.
  next_at timestamptz NOT NULL,
  lease_until timestamptz,
  -- Product time of the outcome.
  settled_at timestamptz,
  created_at timestamptz NOT NULL
);
CREATE INDEX submissions_due ON submissions (deadline, submission_id) WHERE state IN ('frozen', 'sent', 'unknown');
CREATE INDEX submissions_unsettled ON submissions (account_no, deadline)
  WHERE state IN ('accepted', 'duplicate', 'rejected_fixable', 'rejected_final');
CREATE INDEX submissions_range ON submissions (account_no, shard, seq_from, seq_to);

-- A place in all chains as one number, so that one range index finds the calls that carry a record.
CREATE FUNCTION chain_position(account smallint, shard smallint, seq bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS $$ SELECT (account::bigint << 48) | (shard::bigint << 40) | seq $$;
CREATE INDEX submissions_span ON submissions USING gist (
  int8range(chain_position(account_no, shard, seq_from), chain_position(account_no, shard, seq_to), '[]'));

CREATE TABLE attempts (
  submission_id bigint NOT NULL REFERENCES submissions,
  attempt integer NOT NULL,
  fence integer NOT NULL,
  -- Product and real time of the intent, committed before the first byte.
  sent_at timestamptz NOT NULL,
  sent_real timestamptz NOT NULL,
  host text,
  body_sha256 text,
  result text,
  code text,
  http_status integer,
  reply text,
  duration_ms integer,
  PRIMARY KEY (submission_id, attempt)
);

-- Only a record that fared otherwise than its call has rows here; the newest one holds.
CREATE TABLE outcomes (
  outcome_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sn text NOT NULL REFERENCES records (sn),
  state text NOT NULL,
  code text,
  detail text NOT NULL DEFAULT '',
  source text NOT NULL CHECK (source IN ('reply', 'statement', 'clock', 'operator')),
  at timestamptz NOT NULL
);
CREATE INDEX outcomes_sn ON outcomes (sn, outcome_id);

-- Reconciliation ------------------------------------------------------------------------------------------------

CREATE TABLE statements (
  statement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  source text NOT NULL,
  complete boolean NOT NULL,
  -- The begins it covers; null for an empty file.
  range_from timestamptz,
  range_to timestamptz,
  lines integer NOT NULL,
  taken_at timestamptz NOT NULL
);

CREATE TABLE statement_lines (
  statement_id bigint NOT NULL REFERENCES statements,
  line integer NOT NULL,
  sn text NOT NULL,
  instance_id text NOT NULL,
  begin_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL,
  quantity numeric NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'normal', 'abnormal', 'billed')),
  code text,
  PRIMARY KEY (statement_id, line)
);
CREATE INDEX statement_lines_sn ON statement_lines (sn, statement_id);

CREATE TABLE findings (
  finding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('missing', 'extra', 'different', 'abnormal')),
  sn text NOT NULL,
  instance_id text NOT NULL,
  begin_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL,
  ours numeric,
  theirs numeric,
  code text,
  statement_id bigint NOT NULL REFERENCES statements,
  found_at timestamptz NOT NULL,
  resolved_at timestamptz
);
CREATE UNIQUE INDEX findings_open ON findings (account_no, kind, sn) WHERE resolved_at IS NULL;

-- What an operator asked to file again; the reporter carries it out (SPEC 7).
CREATE TABLE rereports (
  request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sn text NOT NULL REFERENCES records (sn),
  -- Null: the quantity of the record that is replaced.
  quantity numeric CHECK (quantity > 0 AND quantity < 'Infinity'),
  reason text NOT NULL,
  key_id text NOT NULL,
  asked_at timestamptz NOT NULL,
  done_at timestamptz,
  new_sn text REFERENCES records (sn),
  refused text
);
CREATE UNIQUE INDEX rereports_open ON rereports (sn) WHERE done_at IS NULL;

-- A call with the record may have been taken, whatever a later one was answered, and no complete statement asked for
-- since has shown that it was not.
CREATE FUNCTION may_have_been_taken(record records) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT 1 FROM submissions s JOIN attempts t USING (submission_id)
    WHERE s.account_no = record.account_no AND s.shard = record.shard AND s.seq_to >= record.seq
      AND s.seq_from BETWEEN record.seq - 10000 AND record.seq AND (t.result IS NULL OR t.result = 'unknown')
      AND NOT EXISTS (
        SELECT 1 FROM statements c WHERE c.account_no = record.account_no AND c.complete AND c.taken_at > t.sent_at
          AND c.range_from <= record.begin_at AND c.range_to > record.begin_at))
$$;

-- What is final stays as it is ----------------------------------------------------------------------------------

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER records_final BEFORE UPDATE OR DELETE ON records FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outcomes_final BEFORE UPDATE OR DELETE ON outcomes FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER residues_final BEFORE UPDATE OR DELETE ON residues FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_sealed_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM shards WHERE shard = COALESCE(NEW.shard, OLD.shard)
             AND sealed_before > COALESCE(NEW.bill_hour, OLD.bill_hour)) THEN
    RAISE EXCEPTION 'hour % of shard % is sealed: % refused', COALESCE(NEW.bill_hour, OLD.bill_hour),
      COALESCE(NEW.shard, OLD.shard), TG_OP USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;

CREATE TRIGGER hour_usage_sealed BEFORE INSERT OR UPDATE OR DELETE ON hour_usage
  FOR EACH ROW EXECUTE FUNCTION refuse_sealed_usage();

-- What finance reads: stable names ------------------------------------------------------------------------------

CREATE SCHEMA billing;

CREATE VIEW billing.records AS
SELECT
  r.sn, a.code AS account, i.instance_id, i.product, m.code AS meter, m.unit, i.subject, r.kind, r.part,
  r.hour, r.begin_at, r.end_at, r.quantity, r.events,
  CASE
    WHEN EXISTS (SELECT 1 FROM records n WHERE n.replaces = r.sn) THEN 'replaced'
    ELSE COALESCE(o.state, s.state)
  END AS state,
  COALESCE(o.code, s.code) AS code,
  s.attempts, s.submission_id, COALESCE(o.at, s.settled_at) AS settled_at,
  r.window_ends, r.late_ends, r.expires, r.frozen_at, r.replaces, r.shard, r.seq, r.checksum, r.prev
FROM records r
JOIN accounts a USING (account_no)
JOIN instances i USING (instance_no)
JOIN meters m USING (meter_no)
-- The newest call that carries the record: a call that was cut names its pieces after itself.
LEFT JOIN LATERAL (
  SELECT state, code, attempts, submission_id, settled_at FROM submissions s
  WHERE int8range(chain_position(s.account_no, s.shard, s.seq_from), chain_position(s.account_no, s.shard, s.seq_to), '[]')
      @> chain_position(r.account_no, r.shard, r.seq)
    AND s.state <> 'split'
  -- Not by the primary key itself: reading that backwards until a call fits would cost all calls for each record.
  ORDER BY s.submission_id + 0 DESC LIMIT 1
) s ON true
LEFT JOIN LATERAL (
  SELECT state, code, at FROM outcomes o WHERE o.sn = r.sn ORDER BY o.outcome_id DESC LIMIT 1
) o ON true;

CREATE VIEW billing.differences AS
SELECT f.kind, a.code AS account, f.sn, f.instance_id, f.begin_at, f.end_at, f.ours, f.theirs, f.code,
  f.found_at, f.resolved_at, t.source AS statement
FROM findings f
JOIN accounts a USING (account_no)
JOIN statements t USING (statement_id);

COMMENT ON VIEW billing.records IS 'One row per bill record with its present state.';
COMMENT ON VIEW billing.differences IS 'Ours against the marketplace''s statements; resolved_at is null while a difference stands.';
