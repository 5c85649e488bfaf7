-- Up Migration

-- Which lives changed ------------------------------------------------------------------------------------------

-- Aggregators keep lives in memory. In each transaction they ask for the changes made by transactions that had not
-- ended when they asked last; a number drawn from a sequence would not do, for it can become visible late.
CREATE TABLE binding_changes (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  account_no smallint NOT NULL,
  subject text NOT NULL,
  -- Real time.
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX binding_changes_xid ON binding_changes (xid);

CREATE FUNCTION note_binding() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO binding_changes (account_no, subject) VALUES (NEW.account_no, NEW.subject);
  RETURN NULL;
END $$;
CREATE TRIGGER instances_binding_changed AFTER INSERT OR UPDATE ON instances
  FOR EACH ROW EXECUTE FUNCTION note_binding();

CREATE FUNCTION note_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO binding_changes (account_no, subject)
    SELECT account_no, subject FROM instances WHERE instance_no = COALESCE(NEW.instance_no, OLD.instance_no);
  RETURN NULL;
END $$;
CREATE TRIGGER instance_freezes_binding_changed AFTER INSERT OR UPDATE OR DELETE ON instance_freezes
  FOR EACH ROW EXECUTE FUNCTION note_freeze();

-- Events -------------------------------------------------------------------------------------------------------

DROP VIEW billing.quarantine;
DROP VIEW billing.corrections;
ALTER TABLE events RENAME TO events_before;
ALTER TABLE events_before RENAME CONSTRAINT events_pkey TO events_before_pkey;
DROP INDEX events_occurred;

-- Whether a key is a UUIDv7: the id itself, with the time at which it was made in front.
CREATE FUNCTION is_timed(key uuid) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT get_byte(uuid_send(key), 6) >> 4 = 7 $$;

-- One row per event identity, counted or quarantined (instance_no is null while it waits in quarantine). Wide columns
-- first, and null what follows from the rest: a counted event of an UUIDv7 takes 76 bytes and 40 of its index.
CREATE TABLE events (
  key uuid NOT NULL,
  occurred timestamptz NOT NULL,
  -- Null where an event is billed in the hour in which it occurred, or not yet: see billed_in.
  bill_hour timestamptz,
  source_no integer NOT NULL,
  instance_no integer,
  -- is_timed of the key.
  timed boolean NOT NULL,
  quantity numeric CHECK (quantity > '-Infinity' AND quantity < 'Infinity'),
  value text,
  -- Null where the key carries the id in itself.
  id text,
  extensions jsonb,
  -- Null where it is that of the row as it stands; kept for what waited in quarantine.
  payload_hash uuid,
  PRIMARY KEY (source_no, key, timed),
  CHECK (instance_no IS NOT NULL OR bill_hour IS NULL)
) PARTITION BY LIST (timed);

-- UUIDv7 keys by when they were made, a partition a week, made ahead by the aggregator and dropped whole after the
-- retention. The rest takes keys of no week that has one.
CREATE TABLE events_timed PARTITION OF events FOR VALUES IN (true) PARTITION BY RANGE (key);
CREATE TABLE events_timed_rest PARTITION OF events_timed DEFAULT;
-- Hashed keys have no order: thinned in small batches.
CREATE TABLE events_hashed PARTITION OF events FOR VALUES IN (false) PARTITION BY HASH (key);
CREATE TABLE events_hashed_0 PARTITION OF events_hashed FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE events_hashed_1 PARTITION OF events_hashed FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE events_hashed_2 PARTITION OF events_hashed FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE events_hashed_3 PARTITION OF events_hashed FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- The events of an hour are read by when they occurred: new pages must be in the index without waiting for a vacuum.
CREATE INDEX events_occurred ON events USING brin (occurred) WITH (autosummarize = on);

-- The hour that bills a counted event.
CREATE FUNCTION billed_in(bill_hour timestamptz, occurred timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT COALESCE(bill_hour, date_bin('1 hour', occurred, '2000-01-01 00:00:00+00'::timestamptz)) $$;

INSERT INTO events (key, occurred, bill_hour, source_no, instance_no, timed, quantity, value, id, extensions, payload_hash)
SELECT key, occurred, NULLIF(bill_hour, billed_in(NULL, occurred)), source_no, instance_no, is_timed(key), quantity, value,
  id, extensions, payload_hash
FROM events_before ORDER BY source_no, key;
DROP TABLE events_before;

CREATE VIEW billing.corrections AS
SELECT a.code AS account, s.source, COALESCE(c.id, c.key::text) AS id, COALESCE(t.id, t.key::text) AS corrects,
  i.instance_id, m.code AS meter, t.occurred, x.quantity, x.delta, x.bill_hour, x.applied_at
FROM corrections x
JOIN sources s USING (source_no)
JOIN accounts a USING (account_no)
JOIN events c ON c.source_no = x.source_no AND c.key = x.key
JOIN events t ON t.source_no = x.source_no AND t.key = x.target_key
JOIN instances i ON i.instance_no = x.instance_no
JOIN meters m USING (meter_no);
CREATE VIEW billing.quarantine AS
SELECT a.code AS account, q.reason, q.subject, q.meter, count(*) AS events, sum(e.quantity) AS quantity,
  min(q.quarantined_at) AS since
FROM quarantine q JOIN accounts a USING (account_no) JOIN events e USING (source_no, key)
WHERE q.released_at IS NULL GROUP BY a.code, q.reason, q.subject, q.meter;
COMMENT ON VIEW billing.corrections IS 'What was cancelled or amended, by which event, and the hour that took the difference.';
COMMENT ON VIEW billing.quarantine IS 'Acknowledged events that wait and are in no record yet.';

-- Hours --------------------------------------------------------------------------------------------------------

-- As before, but once a statement: row by row it cost more than all else that a batch does.
DROP TRIGGER hour_usage_sealed ON hour_usage;
CREATE OR REPLACE FUNCTION refuse_sealed_usage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE sealed record;
BEGIN
  SELECT u.shard, u.bill_hour INTO sealed FROM changed u JOIN shards s ON s.shard = u.shard
    WHERE s.sealed_before > u.bill_hour LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'hour % of shard % is sealed: % refused', sealed.bill_hour, sealed.shard, TG_OP
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER hour_usage_sealed_insert AFTER INSERT ON hour_usage REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_sealed_usage();
CREATE TRIGGER hour_usage_sealed_update AFTER UPDATE ON hour_usage REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_sealed_usage();
CREATE TRIGGER hour_usage_sealed_moved AFTER UPDATE ON hour_usage REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_sealed_usage();
CREATE TRIGGER hour_usage_sealed_delete AFTER DELETE ON hour_usage REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_sealed_usage();
-- An hour's row is added to again and again: room for that on its own page.
ALTER TABLE hour_usage SET (fillfactor = 70);

-- Retention ----------------------------------------------------------------------------------------------------

CREATE TABLE retention (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  -- Event identities are kept this long after they were received; collectors refuse what could be older.
  keep_days integer NOT NULL CHECK (keep_days >= 8),
  -- Events that occurred before it may be gone from here: their hours are proven by their exports.
  events_since timestamptz
);

-- Who reads the views may still read those that were made anew.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'billing_reader') THEN
    GRANT SELECT ON billing.corrections, billing.quarantine TO billing_reader;
  END IF;
END $$;
