-- Up Migration

-- Closed sets: written by `npm run schema` from packages/domain; edit them there.

CREATE DOMAIN aggregation AS text CHECK (VALUE IN ('sum', 'count', 'max', 'unique'));

CREATE DOMAIN bill_finding_kind AS text CHECK (VALUE IN ('missing', 'extra', 'different', 'late', 'refunded'));

CREATE DOMAIN bill_scope AS text CHECK (VALUE IN ('record', 'instance', 'product'));

CREATE DOMAIN billing_cycle AS text CHECK (VALUE IN ('hourly', 'daily'));

CREATE DOMAIN case_act AS text CHECK (VALUE IN (
  'opened', 'settled', 'assign', 'note', 'write_off', 'close', 'rereport', 'resend', 'choose', 'ask'));

CREATE DOMAIN case_kind AS text CHECK (VALUE IN (
  'record_conflict', 'record_rejected_fixable', 'record_rejected_final', 'record_expired', 'record_abnormal',
  'record_missing', 'extra', 'bill_missing', 'bill_extra', 'bill_different', 'bill_refunded', 'event_conflict',
  'quarantine', 'unbillable', 'call_unknown', 'order_query', 'order', 'order_item', 'no_product', 'product',
  'several_products', 'mode', 'customer', 'seller', 'meter'));

CREATE DOMAIN case_resolution AS text CHECK (VALUE IN ('settled', 'written_off', 'closed'));

CREATE DOMAIN finding_kind AS text CHECK (VALUE IN ('missing', 'extra', 'different', 'abnormal', 'late'));

CREATE DOMAIN hour_status AS text CHECK (VALUE IN ('complete', 'nothing', 'incomplete'));

CREATE DOMAIN key_role AS text CHECK (VALUE IN ('ingest', 'operator', 'finance', 'auditor'));

CREATE DOMAIN key_state AS text CHECK (VALUE IN ('right', 'wrong', 'unknown'));

CREATE DOMAIN life_event_kind AS text CHECK (VALUE IN (
  'opened', 'renewed', 'suspended', 'resumed', 'changed', 'closed'));

CREATE DOMAIN outcome_source AS text CHECK (VALUE IN ('reply', 'statement', 'clock', 'operator'));

CREATE DOMAIN price_model AS text CHECK (VALUE IN ('fixed', 'step', 'tier'));

CREATE DOMAIN price_period AS text CHECK (VALUE IN ('day', 'month', 'year', 'life'));

CREATE DOMAIN quarantine_reason AS text CHECK (VALUE IN (
  'unknown_meter', 'unknown_account', 'ambiguous_account', 'unknown_instance', 'instance_closed',
  'instance_suspended', 'quantity_missing', 'value_missing', 'scale_exceeded', 'correction_waits',
  'correction_mismatch', 'correction_impossible', 'corrected_already', 'cannot_be_stored'));

CREATE DOMAIN record_kind AS text CHECK (VALUE IN ('usage', 'supplement', 'rereport'));

CREATE DOMAIN record_state AS text CHECK (VALUE IN (
  'frozen', 'sent', 'unknown', 'accepted', 'duplicate', 'conflict', 'rejected_fixable', 'rejected_final', 'expired',
  'billed', 'abnormal', 'missing', 'replaced', 'carried'));

CREATE DOMAIN reset_rule AS text CHECK (VALUE IN ('none', 'monthly', 'yearly'));

CREATE DOMAIN selling_mode AS text CHECK (VALUE IN ('pay_per_use', 'package', 'stop_package', 'per_use', 'period'));

CREATE DOMAIN stated_state AS text CHECK (VALUE IN ('pending', 'normal', 'abnormal', 'billed'));

CREATE DOMAIN submission_state AS text CHECK (VALUE IN (
  'frozen', 'sent', 'unknown', 'accepted', 'duplicate', 'conflict', 'rejected_fixable', 'rejected_final', 'expired',
  'billed', 'abnormal', 'missing', 'replaced', 'carried', 'split'));

CREATE DOMAIN subscription_state AS text CHECK (VALUE IN ('opening', 'active', 'suspended', 'closed', 'same'));

CREATE DOMAIN suspension_reason AS text CHECK (VALUE IN ('status', 'expired'));

CREATE DOMAIN verdict AS text CHECK (VALUE IN ('accepted', 'refused', 'split', 'halt', 'retry', 'unknown'));

CREATE DOMAIN waits_for AS text CHECK (VALUE IN (
  'order_query', 'order', 'order_item', 'no_product', 'product', 'several_products', 'mode', 'customer', 'seller',
  'meter'));

CREATE FUNCTION is_owed(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('frozen', 'sent', 'unknown') $$;

CREATE FUNCTION is_unsent(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('frozen', 'sent') $$;

CREATE FUNCTION is_delivered(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('accepted', 'duplicate') $$;

CREATE FUNCTION is_taken(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('accepted', 'duplicate', 'billed') $$;

CREATE FUNCTION is_settled(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('accepted', 'duplicate', 'billed', 'replaced', 'carried') $$;

CREATE FUNCTION is_refused(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('rejected_fixable', 'rejected_final') $$;

CREATE FUNCTION is_unsettled(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('accepted', 'duplicate', 'rejected_fixable', 'rejected_final') $$;

CREATE FUNCTION is_troubled(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('conflict', 'rejected_fixable', 'rejected_final', 'expired', 'abnormal') $$;

CREATE FUNCTION is_watched(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('conflict', 'rejected_fixable', 'rejected_final', 'expired', 'abnormal', 'missing') $$;

CREATE FUNCTION is_undecided(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('unknown', 'missing', 'frozen') $$;

CREATE FUNCTION is_carriable(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('rejected_fixable', 'rejected_final', 'expired') $$;

CREATE FUNCTION is_earning(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT state IN ('frozen', 'sent', 'unknown', 'accepted', 'duplicate', 'missing', 'billed') $$;

-- End of the closed sets.

-- Common ----------------------------------------------------------------------------------------------------------

-- Final rows never change.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TABLE clock (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  real_anchor timestamptz NOT NULL,
  product_anchor timestamptz NOT NULL,
  rate numeric NOT NULL CHECK (rate >= 0),
  -- The last product time known to have been shown; a restart never starts before it.
  beat_product timestamptz NOT NULL
);

-- Catalog ---------------------------------------------------------------------------------------------------------

CREATE TABLE accounts (
  account_no smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE,
  -- Bound by its first start; serial numbers are derived from the code, so nothing changes once it has a record.
  marketplace text NOT NULL,
  site text NOT NULL,
  -- Where its records are sent; null until a process that knows has started.
  address text,
  -- How many minutes the marketplace's day and month are ahead of UTC. Records belong to UTC hours, so a day
  -- begins with an hour.
  day_offset_minutes smallint NOT NULL CHECK (day_offset_minutes BETWEEN -720 AND 840 AND day_offset_minutes % 60 = 0),
  -- The marketplace takes an hour of an instance only once: each sealed hour is divided to it too, for its instances may
  -- have records without usage of their own.
  hour_slots boolean NOT NULL DEFAULT false,
  -- Set while the marketplace refuses our key, signature or rights: nothing is sent until a probe succeeds.
  halted_code text,
  halted_at timestamptz,
  created_at timestamptz NOT NULL
);

-- The marketplace's answer to the reporter's last probe, which files nothing; doctor reads it.
CREATE TABLE account_probes (
  account_no smallint PRIMARY KEY REFERENCES accounts,
  -- Real time.
  probed_at timestamptz NOT NULL,
  host text NOT NULL,
  reachable boolean NOT NULL,
  key key_state NOT NULL,
  code text NOT NULL,
  -- Its clock minus ours; null if it did not show it.
  date_offset_ms integer
);

CREATE TABLE api_keys (
  key_id text PRIMARY KEY,
  name text NOT NULL,
  role key_role NOT NULL,
  -- The sources an ingest key may send for; one that ends with * is a prefix. Null: any source.
  sources text[] CHECK (sources IS NULL OR (role = 'ingest' AND cardinality(sources) > 0)),
  -- Codes of the accounts that any other key is limited to. Null: all accounts of the seller, and what belongs to none.
  accounts text[] CHECK (accounts IS NULL OR (role <> 'ingest' AND cardinality(accounts) > 0)),
  secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
  created_at timestamptz NOT NULL,
  revoked_at timestamptz
);

-- Who did what, and what that changed; written in the transaction of the act.
CREATE TABLE audit (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Null: the act concerns the seller.
  account_no smallint REFERENCES accounts,
  at timestamptz NOT NULL,
  key_id text NOT NULL,
  act text NOT NULL,
  ref text NOT NULL,
  before jsonb,
  after jsonb
);

CREATE INDEX audit_ref ON audit (account_no, ref, audit_id);

CREATE TRIGGER audit_final BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE meters (
  meter_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE,
  aggregation aggregation NOT NULL,
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
  cycle billing_cycle NOT NULL,
  opened timestamptz NOT NULL CHECK (date_trunc('second', opened) = opened),
  closed timestamptz CHECK (date_trunc('second', closed) = closed AND closed > opened),
  created_at timestamptz NOT NULL,
  UNIQUE (account_no, instance_id)
);

-- An event finds its instance over all accounts.
CREATE INDEX instances_binding ON instances (subject, meter_no, opened);

CREATE TRIGGER instances_kept BEFORE DELETE ON instances FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- When usage of an instance is not billed; suspended_to is null while it lasts.
CREATE TABLE instance_suspensions (
  instance_no integer NOT NULL REFERENCES instances,
  suspended_from timestamptz NOT NULL CHECK (date_trunc('second', suspended_from) = suspended_from),
  suspended_to timestamptz CHECK (date_trunc('second', suspended_to) = suspended_to AND suspended_to > suspended_from),
  PRIMARY KEY (instance_no, suspended_from)
);

CREATE UNIQUE INDEX instance_suspensions_open ON instance_suspensions (instance_no) WHERE suspended_to IS NULL;

-- Aggregators keep lives in memory. In each transaction they ask for the changes made by transactions that had not
-- ended when they asked last; a number from a sequence would not do, because it can become visible late.
CREATE TABLE binding_changes (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  subject text NOT NULL,
  -- Real time.
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX binding_changes_xid ON binding_changes (xid);

CREATE FUNCTION note_binding() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO binding_changes (subject) VALUES (NEW.subject);
  RETURN NULL;
END $$;

CREATE TRIGGER instances_binding_changed AFTER INSERT OR UPDATE ON instances
  FOR EACH ROW EXECUTE FUNCTION note_binding();

CREATE FUNCTION note_suspension() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO binding_changes (subject)
    SELECT subject FROM instances WHERE instance_no = COALESCE(NEW.instance_no, OLD.instance_no);
  RETURN NULL;
END $$;

CREATE TRIGGER instance_suspensions_binding_changed AFTER INSERT OR UPDATE OR DELETE ON instance_suspensions
  FOR EACH ROW EXECUTE FUNCTION note_suspension();

CREATE TABLE products (
  account_no smallint NOT NULL REFERENCES accounts,
  product_id text NOT NULL,
  mode selling_mode NOT NULL,
  -- The billing item of a pay-per-use product; a package's items are its contents.
  meter_no integer REFERENCES meters,
  cycle billing_cycle NOT NULL,
  reset_rule reset_rule NOT NULL DEFAULT 'none',
  -- Packages of one customer and item are used up lowest first, then the one that expires first.
  deduction_order smallint NOT NULL DEFAULT 0,
  front_end_url text,
  admin_url text,
  dashboard_url text,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, product_id),
  CHECK ((mode = 'pay_per_use') = (meter_no IS NOT NULL))
);

CREATE TABLE product_contents (
  account_no smallint NOT NULL,
  product_id text NOT NULL,
  meter_no integer NOT NULL REFERENCES meters,
  quota numeric NOT NULL CHECK (quota > 0 AND quota < 'Infinity'),
  PRIMARY KEY (account_no, product_id, meter_no),
  FOREIGN KEY (account_no, product_id) REFERENCES products
);

-- The account of an event that names none, if several have a live instance for it: by source, or by
-- subject, which takes precedence.
CREATE TABLE account_rules (
  rule_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text,
  subject text,
  account_no smallint NOT NULL REFERENCES accounts,
  key_id text NOT NULL,
  created_at timestamptz NOT NULL,
  CHECK (num_nonnulls(source, subject) = 1),
  UNIQUE NULLS NOT DISTINCT (source, subject)
);

-- Usage -----------------------------------------------------------------------------------------------------------

CREATE TABLE sources (
  source_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text NOT NULL UNIQUE
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

-- Whether a key is a UUIDv7: the id itself, beginning with the time at which it was made.
CREATE FUNCTION is_timed(key uuid) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT get_byte(uuid_send(key), 6) >> 4 = 7 $$;

-- One row per event identity, counted or quarantined (instance_no is null while it waits in quarantine). Wide columns
-- first, and null for what follows from the rest: a counted event with a UUIDv7 takes 76 bytes, and 40 in its index.
CREATE TABLE events (
  key uuid NOT NULL,
  occurred timestamptz NOT NULL,
  -- Null if an event is billed in the hour in which it occurred, or not yet: see billed_in.
  bill_hour timestamptz,
  source_no integer NOT NULL,
  instance_no integer,
  -- is_timed of the key.
  timed boolean NOT NULL,
  quantity numeric CHECK (quantity > '-Infinity' AND quantity < 'Infinity'),
  value text,
  -- Null if the key is the id.
  id text,
  extensions jsonb,
  -- Null if it follows from the row; stored for events that waited in quarantine.
  payload_hash uuid,
  PRIMARY KEY (source_no, key, timed),
  CHECK (instance_no IS NOT NULL OR bill_hour IS NULL)
) PARTITION BY LIST (timed);

-- UUIDv7 keys by when they were made, a partition per week, created ahead by the aggregator and dropped whole after the
-- retention. The rest is for keys of weeks without one.
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

CREATE TABLE quarantine (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  -- Code of the account that the event names, known or not, or to which a person assigned it. Null: it waits for the
  -- seller.
  account text,
  reason quarantine_reason NOT NULL,
  subject text NOT NULL,
  meter text NOT NULL,
  -- The event as received, if the database refuses its fields.
  raw bytea,
  quarantined_at timestamptz NOT NULL,
  -- Set when the event was finally counted.
  released_at timestamptz,
  -- Written off by a person, with a reason in the audit: kept unchanged, never counted.
  written_off_at timestamptz,
  PRIMARY KEY (source_no, key)
);

CREATE INDEX quarantine_waiting ON quarantine (subject, meter) WHERE released_at IS NULL;

-- The only possible account of a waiting event: the one it names, else the only one with lives of its subject and
-- meter, else the seller's only one. Null: it waits for the seller, and no single account's people see it.
CREATE FUNCTION waits_for_account(named text, of_subject text, of_meter text) RETURNS smallint LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN named IS NOT NULL THEN (SELECT account_no FROM accounts WHERE code = named)
    ELSE COALESCE(
      (SELECT CASE WHEN min(i.account_no) = max(i.account_no) THEN min(i.account_no) END
       FROM instances i JOIN meters m USING (meter_no) WHERE i.subject = of_subject AND m.code = of_meter),
      (SELECT CASE WHEN min(account_no) = max(account_no) THEN min(account_no) END FROM accounts)) END
$$;

CREATE INDEX quarantine_corrections ON quarantine (source_no, key)
  WHERE released_at IS NULL AND reason = 'correction_waits';

CREATE TABLE conflicts (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  payload_hash uuid NOT NULL,
  subject text NOT NULL,
  meter text NOT NULL,
  occurred timestamptz NOT NULL,
  quantity numeric,
  value text,
  -- Code of the account that it names.
  account text,
  found_at timestamptz NOT NULL,
  PRIMARY KEY (source_no, key, payload_hash)
);

CREATE TABLE corrections (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  -- The event that was mistaken: corrected once; after that, the correcting event is the one to correct.
  target_key uuid NOT NULL,
  -- The quantity of the usage now, and the difference in its hour.
  quantity numeric NOT NULL CHECK (quantity >= 0 AND quantity < 'Infinity'),
  delta numeric NOT NULL,
  instance_no integer NOT NULL REFERENCES instances,
  bill_hour timestamptz NOT NULL,
  -- Its own time; its row in events has that of the mistaken usage.
  said_at timestamptz NOT NULL,
  applied_at timestamptz NOT NULL,
  PRIMARY KEY (source_no, key),
  UNIQUE (source_no, target_key)
);

CREATE INDEX corrections_hour ON corrections (bill_hour);

CREATE TRIGGER corrections_final BEFORE UPDATE OR DELETE ON corrections
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE shards (
  shard smallint PRIMARY KEY,
  -- Every hour that begins before this is sealed.
  sealed_before timestamptz NOT NULL CHECK (date_trunc('hour', sealed_before) = sealed_before)
);

-- An hour's row is updated often: leaves room for that on its page.
CREATE TABLE hour_usage (
  shard smallint NOT NULL,
  bill_hour timestamptz NOT NULL,
  instance_no integer NOT NULL,
  origin_hour timestamptz NOT NULL,
  -- A correcting event counts for its difference, so an hour's row may be below 0.
  quantity numeric NOT NULL CHECK (quantity > '-Infinity' AND quantity < 'Infinity'),
  events bigint NOT NULL,
  PRIMARY KEY (shard, bill_hour, instance_no, origin_hour),
  CHECK (origin_hour <= bill_hour)
) WITH (fillfactor = 70);

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
  -- Product time: everything acknowledged before it has receipts.
  watermark timestamptz NOT NULL,
  -- Real time when it was last heard; left_at if it stopped with nothing outstanding.
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

CREATE TABLE retention (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  -- Event identities are kept this long after they were received; collectors refuse what could be older.
  keep_days integer NOT NULL CHECK (keep_days >= 8),
  -- Events that occurred before it may be gone from here: their hours are proven by their exports.
  events_since timestamptz
);

CREATE TABLE hours (
  hour timestamptz NOT NULL CHECK (date_trunc('hour', hour) = hour),
  shard smallint NOT NULL,
  status hour_status NOT NULL,
  reason text NOT NULL DEFAULT '',
  sealed_at timestamptz NOT NULL,
  -- When it was divided among the accounts that have usage in it.
  divided_at timestamptz,
  -- When the last of them had frozen its records; null means work left to do.
  frozen_at timestamptz,
  PRIMARY KEY (hour, shard)
);

CREATE INDEX hours_to_divide ON hours (shard, hour) WHERE divided_at IS NULL AND frozen_at IS NULL;

CREATE INDEX hours_to_freeze ON hours (shard, hour) WHERE frozen_at IS NULL;

-- One account's part of a sealed hour: its records are made by that account's rules and wait for no other account.
CREATE TABLE account_hours (
  account_no smallint NOT NULL REFERENCES accounts,
  shard smallint NOT NULL,
  hour timestamptz NOT NULL,
  -- Freezing proceeds by instance in chunks; a null frozen_at means work left to do.
  frozen_through integer NOT NULL DEFAULT 0,
  frozen_at timestamptz,
  PRIMARY KEY (account_no, shard, hour),
  FOREIGN KEY (hour, shard) REFERENCES hours
);

CREATE INDEX account_hours_to_freeze ON account_hours (account_no, shard, hour) WHERE frozen_at IS NULL;

-- Cumulative usage of an instance over sealed hours, up to its shard's mark.
CREATE TABLE usage_totals (
  instance_no integer PRIMARY KEY REFERENCES instances,
  -- An hour that takes back more than it adds is added too; totals stay above 0 nevertheless.
  quantity numeric NOT NULL CHECK (quantity > '-Infinity' AND quantity < 'Infinity')
);

CREATE TABLE usage_total_marks (
  shard smallint PRIMARY KEY,
  -- Hours that begin before this are in the totals and in the deductions.
  through timestamptz NOT NULL
);

-- Records and submissions -----------------------------------------------------------------------------------------

CREATE TABLE chains (
  account_no smallint NOT NULL REFERENCES accounts,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  checksum text NOT NULL,
  PRIMARY KEY (account_no, shard)
);

-- No foreign key to instances here nor in residues and record_proofs: all take their instance from that table in the
-- statement that inserts them, and no instance is ever deleted (instances_kept). Checking each row cost as much as the
-- row itself (14 of 47 µs of a record, 15 of 21 µs of a residue).
CREATE TABLE records (
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  sn text NOT NULL UNIQUE,
  kind record_kind NOT NULL,
  instance_no integer NOT NULL,
  hour timestamptz NOT NULL,
  begin_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL CHECK (end_at > begin_at),
  part text NOT NULL,
  quantity numeric NOT NULL CHECK (quantity >= 0 AND quantity < 'Infinity'),
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
  -- The stop-before-excess package that a record is taken from: relate_pkg_instance of its wire bytes.
  package_instance text,
  -- If the marketplace accepts an hour of an instance only once: that hour. A part is then the attempt at it.
  slot text,
  -- What it took over from earlier records that were surely not taken; null if its bytes have no field for it.
  carried numeric CHECK (carried >= 0 AND carried < 'Infinity'),
  PRIMARY KEY (account_no, shard, seq),
  CHECK (quantity > 0 OR carried IS NOT NULL),
  UNIQUE (instance_no, begin_at, end_at, part)
);

CREATE UNIQUE INDEX records_slot ON records (instance_no, slot, part) WHERE slot IS NOT NULL;

CREATE INDEX records_hour ON records (hour, instance_no);

CREATE INDEX records_replaces ON records (replaces) WHERE replaces IS NOT NULL;

CREATE TRIGGER records_final BEFORE UPDATE OR DELETE ON records FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE residues (
  instance_no integer NOT NULL,
  hour timestamptz NOT NULL,
  -- Below 0: a credit against later usage.
  residue numeric NOT NULL CHECK (residue > '-Infinity' AND residue < 'Infinity'),
  PRIMARY KEY (instance_no, hour)
);

CREATE TRIGGER residues_final BEFORE UPDATE OR DELETE ON residues FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Usage of a life that is over, for which no second is left to bill: reported, never dropped.
CREATE TABLE unbillable (
  instance_no integer NOT NULL REFERENCES instances,
  hour timestamptz NOT NULL,
  quantity numeric NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (instance_no, hour)
);

CREATE TABLE submissions (
  submission_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  -- Its records: a range of the chain.
  seq_from bigint NOT NULL,
  seq_to bigint NOT NULL CHECK (seq_to >= seq_from),
  -- The call this one was cut from, or the one whose record it sends again.
  parent bigint REFERENCES submissions,
  state submission_state NOT NULL,
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

CREATE INDEX submissions_due ON submissions (account_no, deadline, submission_id) WHERE is_owed(state);

CREATE INDEX submissions_unsettled ON submissions (account_no, deadline)
  WHERE is_unsettled(state);

-- Rows that may need a case: few rows of large tables.
CREATE INDEX submissions_refused ON submissions (account_no, shard, seq_from)
  WHERE is_troubled(state);

CREATE INDEX submissions_range ON submissions (account_no, shard, seq_from, seq_to);

-- A place in all chains as one number, so that one range index finds the calls that contain a record.
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
  result verdict,
  code text,
  http_status integer,
  reply text,
  duration_ms integer,
  PRIMARY KEY (submission_id, attempt)
);

-- Only a record with another outcome than its call has rows here; the newest one counts.
CREATE TABLE outcomes (
  outcome_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sn text NOT NULL REFERENCES records (sn),
  state record_state NOT NULL,
  code text,
  detail text NOT NULL DEFAULT '',
  source outcome_source NOT NULL,
  at timestamptz NOT NULL
);

CREATE INDEX outcomes_sn ON outcomes (sn, outcome_id);

-- The marketplace's name for a record that it took, if it gives one.
CREATE TABLE record_receipts (
  sn text PRIMARY KEY REFERENCES records (sn),
  receipt text NOT NULL,
  at timestamptz NOT NULL
);

CREATE INDEX outcomes_refused ON outcomes (sn)
  WHERE is_watched(state);

CREATE TRIGGER outcomes_final BEFORE UPDATE OR DELETE ON outcomes FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Operators' requests to file a record again; the reporter carries them out (SPEC 7).
CREATE TABLE rereports (
  request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sn text NOT NULL REFERENCES records (sn),
  -- Null: the quantity of the replaced record.
  quantity numeric CHECK (quantity > 0 AND quantity < 'Infinity'),
  reason text NOT NULL,
  key_id text NOT NULL,
  asked_at timestamptz NOT NULL,
  done_at timestamptz,
  new_sn text REFERENCES records (sn),
  refused text,
  -- Another interval than that of the record: only if the marketplace showed that it is void (SPEC 7).
  begin_at timestamptz CHECK (date_trunc('second', begin_at) = begin_at),
  end_at timestamptz CHECK (date_trunc('second', end_at) = end_at),
  CHECK ((begin_at IS NULL) = (end_at IS NULL) AND begin_at < end_at)
);

CREATE UNIQUE INDEX rereports_open ON rereports (sn) WHERE done_at IS NULL;

-- Sums of records in their present state.
--
-- A record's state is that of the newest call that contains it, unless it has its own. So sums are kept per call, and
-- the call's row says what state they are in: a call that is accepted or billed changes no sum. A record that gets its own
-- state leaves its call's sums and is counted by itself. Triggers update both tables, in the transaction of the change,
-- whoever makes it; nothing else writes them.

CREATE TABLE call_totals (
  submission_id bigint NOT NULL REFERENCES submissions,
  account_no smallint NOT NULL,
  hour timestamptz NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL,
  kind record_kind NOT NULL,
  -- Zeros stay: a call has a row for each hour of its records.
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
  state record_state NOT NULL,
  -- Null if another record replaced it: that is final.
  outcome_id bigint,
  hour timestamptz NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL,
  kind record_kind NOT NULL,
  quantity numeric NOT NULL,
  PRIMARY KEY (account_no, shard, seq)
);

CREATE INDEX own_states_hour ON own_states (account_no, hour);

-- Recomputes the sums of calls. Locks their rows first, in order: of two that change one call, the second sees the first.
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

-- The calls, except cut ones, that contain a place of a chain.
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
    -- Only a new row has no updater.
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

-- Reconciliation --------------------------------------------------------------------------------------------------

CREATE TABLE statements (
  statement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  source text NOT NULL,
  complete boolean NOT NULL,
  -- The begins it covers; null for an empty file.
  range_from timestamptz,
  range_to timestamptz,
  lines integer NOT NULL,
  taken_at timestamptz NOT NULL,
  -- The time that a bill covers; separate from range_from and range_to, by which a list of records proves absence.
  bill_from timestamptz,
  bill_to timestamptz,
  -- A complete bill that covers at least as much: what is in both counts once.
  superseded_by bigint REFERENCES statements
);

CREATE INDEX statements_bills ON statements (account_no, bill_from) WHERE bill_from IS NOT NULL;

CREATE TABLE statement_lines (
  statement_id bigint NOT NULL REFERENCES statements,
  line integer NOT NULL,
  sn text NOT NULL,
  instance_id text NOT NULL,
  begin_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL,
  quantity numeric NOT NULL,
  state stated_state NOT NULL,
  code text,
  PRIMARY KEY (statement_id, line)
);

CREATE INDEX statement_lines_sn ON statement_lines (sn, statement_id);

CREATE TABLE bill_lines (
  statement_id bigint NOT NULL REFERENCES statements,
  line integer NOT NULL,
  -- Of its bill, and of the usage it is for.
  month date NOT NULL,
  usage_month date NOT NULL,
  sn text,
  instance_id text,
  product text,
  customer text,
  order_id text,
  quantity numeric,
  amount numeric NOT NULL,
  currency text NOT NULL,
  refund boolean NOT NULL,
  begin_at timestamptz,
  end_at timestamptz,
  PRIMARY KEY (statement_id, line)
);

CREATE INDEX bill_lines_usage ON bill_lines (usage_month);

CREATE TABLE import_profiles (
  account_no smallint NOT NULL REFERENCES accounts,
  name text NOT NULL,
  profile jsonb NOT NULL,
  saved_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, name)
);

CREATE TABLE findings (
  finding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL,
  kind finding_kind NOT NULL,
  sn text NOT NULL,
  instance_id text NOT NULL,
  begin_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL,
  ours numeric,
  theirs numeric,
  code text,
  statement_id bigint NOT NULL REFERENCES statements,
  found_at timestamptz NOT NULL,
  resolved_at timestamptz,
  -- Its money by the price plan; null if none is known. Computed once, and again when a plan is added.
  at_stake numeric,
  currency text,
  valued_at timestamptz,
  -- A person settled it, with a reason in the audit: the same difference found again is not new.
  settled boolean NOT NULL DEFAULT false
);

CREATE UNIQUE INDEX findings_open ON findings (account_no, kind, sn) WHERE resolved_at IS NULL;

CREATE INDEX findings_unvalued ON findings (account_no) WHERE valued_at IS NULL;

CREATE INDEX findings_settled ON findings (account_no, kind, sn) WHERE settled;

-- Differences between a bill's money and that of our records.
CREATE TABLE bill_findings (
  finding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  kind bill_finding_kind NOT NULL,
  month date NOT NULL,
  scope bill_scope NOT NULL,
  key text NOT NULL,
  currency text NOT NULL,
  ours numeric,
  theirs numeric,
  statement_id bigint NOT NULL REFERENCES statements,
  found_at timestamptz NOT NULL,
  resolved_at timestamptz,
  -- As in findings.
  settled boolean NOT NULL DEFAULT false
);

CREATE UNIQUE INDEX bill_findings_open ON bill_findings (account_no, kind, month, scope, key, currency)
  WHERE resolved_at IS NULL;

-- A call with the record may have been taken, whatever the answer to a later one, and no complete statement requested
-- since has shown that it was not.
CREATE FUNCTION may_have_been_taken(record records) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT 1 FROM submissions s JOIN attempts t USING (submission_id)
    WHERE s.account_no = record.account_no AND s.shard = record.shard AND s.seq_to >= record.seq
      AND s.seq_from BETWEEN record.seq - 10000 AND record.seq AND (t.result IS NULL OR t.result = 'unknown')
      AND NOT EXISTS (
        SELECT 1 FROM statements c WHERE c.account_no = record.account_no AND c.complete AND c.taken_at > t.sent_at
          AND c.range_from <= record.begin_at AND c.range_to > record.begin_at))
  -- An answer by record leaves single ones unknown in a call that was taken.
  OR EXISTS (
    SELECT 1 FROM outcomes o WHERE o.sn = record.sn AND o.state = 'unknown'
      AND NOT EXISTS (
        SELECT 1 FROM statements c WHERE c.account_no = record.account_no AND c.complete AND c.taken_at > o.at
          AND c.range_from <= record.begin_at AND c.range_to > record.begin_at))
$$;

-- What a person has to settle: never guessed, never dropped.
CREATE TABLE cases (
  case_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Null: it concerns the seller.
  account_no smallint REFERENCES accounts,
  kind case_kind NOT NULL,
  ref text NOT NULL,
  detail text NOT NULL,
  opened_at timestamptz NOT NULL,
  resolved_at timestamptz,
  owner text,
  due_at timestamptz,
  resolution case_resolution
);

CREATE UNIQUE INDEX cases_open ON cases (account_no, kind, ref) NULLS NOT DISTINCT WHERE resolved_at IS NULL;

CREATE INDEX cases_ref ON cases (ref);

CREATE TABLE case_history (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_id bigint NOT NULL REFERENCES cases,
  at timestamptz NOT NULL,
  -- The key of the person who acted; empty if the product did.
  key_id text NOT NULL,
  act case_act NOT NULL,
  detail jsonb NOT NULL
);

CREATE INDEX case_history_of ON case_history (case_id, entry_id);

CREATE TRIGGER case_history_final BEFORE UPDATE OR DELETE ON case_history
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Storefront ------------------------------------------------------------------------------------------------------

-- The order query's complete answer.
CREATE TABLE orders (
  account_no smallint NOT NULL REFERENCES accounts,
  order_id text NOT NULL,
  line text NOT NULL,
  reply text NOT NULL,
  fetched_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, order_id, line)
);

-- One purchase, in any selling mode. Its first businessId is its instance id and never changes.
CREATE TABLE subscriptions (
  subscription_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  instance_id text NOT NULL,
  order_id text NOT NULL,
  -- The part of the order: a line, or a product, depending on the marketplace's wire.
  item text NOT NULL,
  version text NOT NULL,
  state subscription_state NOT NULL,
  -- Why it is not open yet; null if nothing hinders it.
  waits_for waits_for,
  product_id text,
  mode selling_mode,
  customer_id text,
  customer_name text,
  -- Other terms from the call or the order.
  terms jsonb NOT NULL DEFAULT '{}',
  expires timestamptz,
  -- Set once provided: the answer of the seller's hook, or the template.
  provided jsonb,
  subject text,
  opened timestamptz,
  suspended_at timestamptz,
  suspended_why suspension_reason,
  closed_at timestamptz,
  -- The other line of the same order for the same pay-per-use product.
  same_as bigint REFERENCES subscriptions,
  received_at timestamptz NOT NULL,
  -- Real time: the next try to open it, and the lease of the present one.
  next_try timestamptz,
  tries integer NOT NULL DEFAULT 0,
  UNIQUE (account_no, instance_id),
  UNIQUE (account_no, order_id, item, version)
);

-- Pay-per-use is one instance by order and product (koogallery.md 3.2, 3.6).
CREATE UNIQUE INDEX subscriptions_on_demand ON subscriptions (account_no, order_id, product_id)
  WHERE mode = 'pay_per_use' AND state <> 'same';

CREATE INDEX subscriptions_due ON subscriptions (account_no, next_try) WHERE state = 'opening';

CREATE INDEX subscriptions_customer ON subscriptions (account_no, customer_id);

-- Its events, each once: a repeated call finds its row and changes nothing.
CREATE TABLE subscription_events (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscription_no bigint NOT NULL REFERENCES subscriptions,
  kind life_event_kind NOT NULL,
  -- The order of the call, empty if it names none.
  order_ref text NOT NULL DEFAULT '',
  detail jsonb NOT NULL DEFAULT '{}',
  at timestamptz NOT NULL
);

CREATE UNIQUE INDEX subscription_events_once ON subscription_events (subscription_no, kind, order_ref)
  WHERE order_ref <> '';

CREATE INDEX subscription_events_of ON subscription_events (subscription_no, event_id);

-- A bought package, one row per item. Never deleted: a release only deactivates it.
CREATE TABLE packages (
  package_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscription_no bigint NOT NULL REFERENCES subscriptions,
  account_no smallint NOT NULL REFERENCES accounts,
  subject text NOT NULL,
  meter_no integer NOT NULL REFERENCES meters,
  quota numeric NOT NULL CHECK (quota > 0 AND quota < 'Infinity'),
  reset_rule reset_rule NOT NULL,
  deduction_order smallint NOT NULL,
  stops boolean NOT NULL,
  starts timestamptz NOT NULL,
  expires timestamptz,
  deactivated_at timestamptz,
  -- The seller was notified, for the period that began then.
  warned_period timestamptz,
  used_up_period timestamptz,
  UNIQUE (subscription_no, meter_no)
);

CREATE INDEX packages_of ON packages (account_no, subject, meter_no);

-- Sealed usage taken from a package; usage not covered by a package has no row.
CREATE TABLE deductions (
  package_no bigint NOT NULL REFERENCES packages,
  instance_no integer NOT NULL REFERENCES instances,
  hour timestamptz NOT NULL,
  -- The begin of the package's period in which it counts.
  period timestamptz NOT NULL,
  quantity numeric NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
  PRIMARY KEY (package_no, instance_no, hour)
);

CREATE TABLE nonces (
  account_no smallint NOT NULL REFERENCES accounts,
  nonce_sha256 bytea NOT NULL,
  -- Real time after which a call with this nonce is too old anyway.
  forget_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, nonce_sha256)
);

CREATE TABLE calls (
  call_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  version text NOT NULL,
  activity text NOT NULL,
  test boolean NOT NULL,
  -- Real time.
  received timestamptz NOT NULL,
  query text NOT NULL,
  body text NOT NULL,
  -- Whether one of our keys signed it; only such a call can be run again.
  authentic boolean NOT NULL,
  ok boolean NOT NULL,
  code text NOT NULL,
  detail text NOT NULL,
  reply text NOT NULL,
  duration_ms integer NOT NULL,
  ref text NOT NULL,
  rerun_of bigint REFERENCES calls
);

CREATE INDEX calls_ref ON calls (account_no, ref, call_id);

CREATE INDEX calls_failed ON calls (account_no, call_id) WHERE NOT ok;

CREATE TABLE reruns (
  rerun_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  call_id bigint NOT NULL REFERENCES calls,
  key_id text NOT NULL,
  asked_at timestamptz NOT NULL,
  done_at timestamptz,
  code text
);

CREATE UNIQUE INDEX reruns_open ON reruns (call_id) WHERE done_at IS NULL;

-- Instances of debugging calls, separate from all production rows.
CREATE TABLE debug_instances (
  account_no smallint NOT NULL REFERENCES accounts,
  order_id text NOT NULL,
  item text NOT NULL,
  instance_id text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, order_id, item)
);

CREATE TABLE hooks (
  hook_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  -- One notification has one id, however often it is sent.
  delivery_id text NOT NULL,
  kind text NOT NULL,
  ref text NOT NULL,
  payload text NOT NULL,
  created_at timestamptz NOT NULL,
  -- Real time.
  next_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  delivered_at timestamptz,
  reply jsonb,
  UNIQUE (account_no, delivery_id)
);

CREATE INDEX hooks_due ON hooks (account_no, next_at) WHERE delivered_at IS NULL;

CREATE INDEX hooks_waiting ON hooks (account_no, ref, hook_id) WHERE delivered_at IS NULL;

-- Proof -----------------------------------------------------------------------------------------------------------

-- Public halves of the keys that signed manifests; the private half is never in the database.
CREATE TABLE proof_keys (
  key_id text PRIMARY KEY,
  public_key text NOT NULL CHECK (public_key ~ '^[0-9a-f]{64}$'),
  created_at timestamptz NOT NULL
);

-- One per account and hour, signed: the records from seq_from to seq_to of each shard, by shard from 0 on.
CREATE TABLE manifests (
  account_no smallint NOT NULL REFERENCES accounts,
  number bigint NOT NULL CHECK (number > 0),
  hour timestamptz NOT NULL CHECK (date_trunc('hour', hour) = hour),
  -- The canonical bytes that were hashed and signed.
  canonical text NOT NULL,
  hash text NOT NULL,
  key_id text NOT NULL REFERENCES proof_keys,
  signature text NOT NULL,
  seq_from bigint[] NOT NULL,
  seq_to bigint[] NOT NULL,
  made_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, number),
  UNIQUE (account_no, hour)
);

CREATE TABLE manifest_totals (
  account_no smallint NOT NULL,
  number bigint NOT NULL,
  product text NOT NULL,
  meter text NOT NULL,
  unit text NOT NULL,
  kind record_kind NOT NULL,
  quantity numeric NOT NULL,
  records bigint NOT NULL,
  PRIMARY KEY (account_no, number, product, meter, unit, kind),
  FOREIGN KEY (account_no, number) REFERENCES manifests
);

-- What each instance's hour consisted of when it was proven; sn is its first record, null if nothing was filed.
-- Further parts share it; a re-report shares that of the record it replaces.
CREATE TABLE record_proofs (
  hour timestamptz NOT NULL,
  instance_no integer NOT NULL,
  sn text,
  events_root bytea NOT NULL CHECK (octet_length(events_root) = 32),
  leaves bigint NOT NULL,
  PRIMARY KEY (hour, instance_no)
);

CREATE TABLE anchors (
  account_no smallint NOT NULL,
  number bigint NOT NULL,
  place text NOT NULL,
  hash text NOT NULL,
  -- Real time.
  anchored_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, number, place),
  FOREIGN KEY (account_no, number) REFERENCES manifests
);

CREATE TRIGGER proof_keys_final BEFORE UPDATE OR DELETE ON proof_keys FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER manifests_final BEFORE UPDATE OR DELETE ON manifests FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER manifest_totals_final BEFORE UPDATE OR DELETE ON manifest_totals FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER record_proofs_final BEFORE UPDATE OR DELETE ON record_proofs FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER anchors_final BEFORE UPDATE OR DELETE ON anchors FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Prices ----------------------------------------------------------------------------------------------------------

CREATE SCHEMA billing;

-- What one meter of a product costs from a time on. Of several from one time the newest counts; none is ever changed.
CREATE TABLE price_plans (
  plan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  product text NOT NULL,
  meter_no integer NOT NULL REFERENCES meters,
  valid_from timestamptz NOT NULL,
  model price_model NOT NULL,
  currency text NOT NULL,
  period price_period NOT NULL,
  free numeric NOT NULL CHECK (free >= 0 AND free < 'Infinity'),
  -- [{upTo, unitPrice}] as decimal texts, in rising order; the last upTo is null.
  bands jsonb NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE INDEX price_plans_of ON price_plans (account_no, product, meter_no, valid_from DESC, plan_id DESC);

CREATE TRIGGER price_plans_final BEFORE UPDATE OR DELETE ON price_plans
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The same arithmetic as chargeFor of packages/domain, exact; a test compares the two.
CREATE FUNCTION billing.charge(model text, bands jsonb, free numeric, before numeric, quantity numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  WITH paid AS (
    SELECT greatest(before - free, 0) AS low, greatest(before + quantity - free, 0) AS high
  ), band AS (
    SELECT COALESCE(lag((b ->> 'upTo')::numeric) OVER (ORDER BY n), 0) AS low, (b ->> 'upTo')::numeric AS high,
      (b ->> 'unitPrice')::numeric AS price
    FROM jsonb_array_elements(bands) WITH ORDINALITY AS t (b, n)
  )
  SELECT CASE model
    WHEN 'fixed' THEN (high - low) * (bands -> 0 ->> 'unitPrice')::numeric
    WHEN 'step' THEN (
      SELECT sum(greatest(0, least(paid.high, COALESCE(band.high, paid.high)) - greatest(paid.low, band.low)) * price)
      FROM band)
    ELSE (high - low) * (
      SELECT price FROM band WHERE band.high IS NULL OR paid.high - paid.low <= band.high ORDER BY band.low LIMIT 1)
    END
  FROM paid
$$;

-- A text as a cell of CSV (RFC 4180); an apostrophe is put before text that a spreadsheet program would take for a formula.
CREATE FUNCTION csv_cell(cell text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN guarded ~ E'[",\n\r]' THEN '"' || replace(guarded, '"', '""') || '"' ELSE guarded END
  FROM (SELECT CASE WHEN cell ~ E'^[=+@\t\r＝＋－＠-]' THEN '''' || cell ELSE cell END AS guarded) g
$$;

-- Views for finance, whose names do not change -------------------------------------------------------------------

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
-- The newest call that contains the record; the pieces of a cut call are newer than the call.
LEFT JOIN LATERAL (
  SELECT state, code, attempts, submission_id, settled_at FROM submissions s
  WHERE int8range(chain_position(s.account_no, s.shard, s.seq_from), chain_position(s.account_no, s.shard, s.seq_to), '[]')
      @> chain_position(r.account_no, r.shard, r.seq)
    AND s.state <> 'split'
  -- Not by the primary key itself: reading that backwards until a call fits would read all calls for each record.
  ORDER BY s.submission_id + 0 DESC LIMIT 1
) s ON true
LEFT JOIN LATERAL (
  SELECT state, code, at FROM outcomes o WHERE o.sn = r.sn ORDER BY o.outcome_id DESC LIMIT 1
) o ON true;

COMMENT ON VIEW billing.records IS 'One row per bill record with its present state.';

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

CREATE VIEW billing.hours AS
SELECT hour, bool_or(status = 'incomplete') AS incomplete, string_agg(DISTINCT NULLIF(reason, ''), '; ') AS reason,
  max(sealed_at) AS sealed_at, bool_and(frozen_at IS NOT NULL) AS filed
FROM hours GROUP BY hour;

COMMENT ON VIEW billing.hours IS 'Hours that are sealed; incomplete where a source or collector was not heard.';

CREATE VIEW billing.quarantine AS
SELECT q.account, q.reason, q.subject, q.meter, count(*) AS events, sum(e.quantity) AS quantity,
  min(q.quarantined_at) AS since
FROM quarantine q JOIN events e USING (source_no, key)
WHERE q.released_at IS NULL AND q.written_off_at IS NULL GROUP BY q.account, q.reason, q.subject, q.meter;

COMMENT ON VIEW billing.quarantine IS
  'Acknowledged events that wait and are in no record yet; account is null if they name none.';

CREATE VIEW billing.unbillable AS
SELECT a.code AS account, i.instance_id, i.product, i.subject, m.code AS meter, m.unit, u.hour, u.quantity, u.reason
FROM unbillable u JOIN instances i USING (instance_no) JOIN accounts a USING (account_no) JOIN meters m USING (meter_no);

COMMENT ON VIEW billing.unbillable IS 'Usage for which no second of its instance''s life was left to bill.';

CREATE VIEW billing.corrections AS
SELECT a.code AS account, s.source, COALESCE(c.id, c.key::text) AS id, COALESCE(t.id, t.key::text) AS corrects,
  i.instance_id, m.code AS meter, t.occurred, x.quantity, x.delta, x.bill_hour, x.applied_at
FROM corrections x
JOIN sources s USING (source_no)
JOIN events c ON c.source_no = x.source_no AND c.key = x.key
JOIN events t ON t.source_no = x.source_no AND t.key = x.target_key
JOIN instances i ON i.instance_no = x.instance_no
JOIN accounts a USING (account_no)
JOIN meters m USING (meter_no);

COMMENT ON VIEW billing.corrections IS 'What was cancelled or amended, by which event, and the hour that took the difference.';

-- Deductions are what records took, made in the transaction that freezes them.
CREATE VIEW billing.package_use AS
SELECT a.code AS account, s.instance_id AS package_instance, s.order_id, s.product_id AS product, p.subject,
  i.instance_id, m.code AS meter, m.unit, d.hour, d.period, d.quantity, p.quota, p.stops
FROM deductions d
JOIN packages p USING (package_no)
JOIN subscriptions s USING (subscription_no)
JOIN accounts a ON a.account_no = p.account_no
JOIN meters m ON m.meter_no = p.meter_no
JOIN instances i ON i.instance_no = d.instance_no;

COMMENT ON VIEW billing.package_use IS 'What filed usage took from packages, by package, instance and hour; quota is of one period.';

CREATE VIEW billing.differences AS
SELECT f.kind, a.code AS account, f.sn, f.instance_id, f.begin_at, f.end_at, f.ours, f.theirs, f.code,
  f.found_at, f.resolved_at, t.source AS statement
FROM findings f
JOIN accounts a USING (account_no)
JOIN statements t USING (statement_id);

COMMENT ON VIEW billing.differences IS 'Ours against the marketplace''s statements; resolved_at is null while a difference stands.';

-- Every difference with the money at stake: for quantities by the price plan, for bills directly.
CREATE VIEW billing.findings AS
SELECT 'q' || f.finding_id AS id, f.kind, 'record' AS scope, a.code AS account, f.sn AS key, f.instance_id,
  f.begin_at AS since, f.ours, f.theirs, f.code, f.currency, f.at_stake, f.found_at, f.resolved_at, t.source AS statement
FROM findings f
JOIN accounts a USING (account_no)
JOIN statements t USING (statement_id)
UNION ALL
SELECT 'm' || f.finding_id, f.kind, f.scope, a.code, f.key, CASE WHEN f.scope = 'instance' THEN f.key END,
  (f.month::timestamp - make_interval(mins => a.day_offset_minutes)) AT TIME ZONE 'UTC', f.ours, f.theirs, NULL, f.currency,
  CASE WHEN f.kind = 'late' THEN 0 ELSE abs(COALESCE(f.theirs, 0) - COALESCE(f.ours, 0)) END,
  f.found_at, f.resolved_at, t.source
FROM bill_findings f
JOIN accounts a USING (account_no)
JOIN statements t USING (statement_id);

COMMENT ON VIEW billing.findings IS
  'What reconciliation found: quantities (scope record, ids q…) and money of bills (ids m…); at_stake is null if no price is known.';

CREATE VIEW billing.cases AS
SELECT c.case_id, a.code AS account, c.kind, c.ref, c.detail, c.owner, c.opened_at,
  COALESCE(c.due_at, c.opened_at + interval '1 day') AS due_at, c.resolved_at, c.resolution
FROM cases c LEFT JOIN accounts a USING (account_no);

COMMENT ON VIEW billing.cases IS 'What a person has to settle; resolved_at is null while a case stands.';

CREATE VIEW billing.written_off AS
SELECT q.account, 'quarantine' AS what, q.reason, q.subject, q.meter, count(*) AS events,
  sum(e.quantity) AS quantity, max(q.written_off_at) AS written_off_at
FROM quarantine q JOIN events e USING (source_no, key)
WHERE q.written_off_at IS NOT NULL GROUP BY q.account, q.reason, q.subject, q.meter
UNION ALL
SELECT b.account, 'record', c.kind, b.subject, b.meter, b.events, b.quantity, c.resolved_at
FROM cases c JOIN billing.records b ON b.sn = c.ref
WHERE c.resolution = 'written_off' AND starts_with(c.kind, 'record_');

COMMENT ON VIEW billing.written_off IS
  'Usage that a person gave up, with a reason in the audit; account is null if an event names none.';

CREATE OR REPLACE VIEW billing.bill_lines AS
SELECT a.code AS account, t.source AS bill, t.taken_at, t.complete, b.line, b.month, b.usage_month, b.sn, b.instance_id,
  b.product, b.customer, b.order_id, b.quantity, b.amount, b.currency, b.refund,
  b.statement_id AS bill_no, b.begin_at, b.end_at, t.superseded_by IS NOT NULL AS superseded
FROM bill_lines b JOIN statements t USING (statement_id) JOIN accounts a USING (account_no);

COMMENT ON VIEW billing.bill_lines IS
  'Lines of transaction details and bills as they were imported; superseded ones stand in a later, wider bill again.';

CREATE VIEW billing.manifests AS
SELECT a.code AS account, m.number, m.hour, m.hash, m.key_id, m.signature, m.canonical, m.made_at,
  (SELECT count(*) FROM anchors n WHERE n.account_no = m.account_no AND n.number = m.number) AS anchors
FROM manifests m JOIN accounts a USING (account_no);

COMMENT ON VIEW billing.manifests IS 'The signed manifest of each hour and account.';

CREATE VIEW billing.hour_totals AS
SELECT a.code AS account, m.hour, t.product, t.meter, t.unit, t.kind, t.quantity, t.records
FROM manifest_totals t JOIN manifests m USING (account_no, number) JOIN accounts a USING (account_no);

COMMENT ON VIEW billing.hour_totals IS 'What was filed, by hour, product, meter and kind of record, as the manifests sign it.';

CREATE VIEW billing.revenue AS
-- Every window covers one instance_id, so that a query for some instances reads only theirs.
WITH priced AS (
  SELECT b.*, r.instance_no, p.model, p.currency, p.bands, p.free, COALESCE(d.quantity, 0) AS deducted,
    -- Refused, void and replaced records earn nothing; the others are expected to be billed.
    is_earning(b.state) AS expected,
    l.begins, CASE p.period WHEN 'life' THEN NULL ELSE date_trunc(COALESCE(p.period, 'month'), l.begins) END AS period
  FROM billing.records b
  JOIN records r USING (sn)
  JOIN accounts a ON a.account_no = r.account_no
  JOIN instances i USING (instance_no)
  LEFT JOIN LATERAL (
    SELECT model, currency, bands, free, period FROM price_plans p
    WHERE p.account_no = r.account_no AND p.product = b.product AND p.meter_no = i.meter_no AND p.valid_from <= r.begin_at
    ORDER BY p.valid_from DESC, p.plan_id DESC LIMIT 1
  ) p ON true
  LEFT JOIN LATERAL (
    SELECT sum(quantity) AS quantity FROM deductions d WHERE d.instance_no = r.instance_no AND d.hour = r.hour
  ) d ON true
  CROSS JOIN LATERAL (
    SELECT (r.begin_at AT TIME ZONE 'UTC') + make_interval(mins => a.day_offset_minutes) AS begins
  ) l
), of_hour AS (
  SELECT *, COALESCE(sum(quantity) FILTER (WHERE expected) OVER (
    PARTITION BY instance_id, instance_no, hour ORDER BY begin_at, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS hour_before
  FROM priced
), charged AS (
  SELECT *, greatest(hour_before + quantity - deducted, 0) - greatest(hour_before - deducted, 0) AS to_charge FROM of_hour
), accumulated AS (
  SELECT *, COALESCE(sum(to_charge) FILTER (WHERE expected) OVER (
    PARTITION BY instance_id, instance_no, period ORDER BY begin_at, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
  FROM charged
)
SELECT sn, account, instance_id, product, meter, unit, subject, kind, hour, begin_at, end_at,
  date_trunc('month', begins)::date AS month, state, expected, quantity, quantity - to_charge AS from_packages, model, currency,
  trim_scale(before) AS used_before, trim_scale(billing.charge(model, bands, free, before, to_charge)) AS amount,
  bands, free
FROM accumulated;

COMMENT ON VIEW billing.revenue IS
  'What each bill record is expected to bring in, exactly; a record that is not expected shows what it would have brought in.';

CREATE VIEW billing.revenue_by_month AS
SELECT month, account, product, instance_id, subject, meter, unit, currency, count(*) AS records,
  sum(quantity) AS quantity, sum(amount) AS expected,
  sum(amount) FILTER (WHERE state = 'billed') AS billed, count(*) FILTER (WHERE amount IS NULL) AS unpriced
FROM billing.revenue WHERE expected
GROUP BY month, account, product, instance_id, subject, meter, unit, currency;

COMMENT ON VIEW billing.revenue_by_month IS
  'Expected revenue per month of the marketplace, instance and currency; sum it by product or customer.';

CREATE VIEW billing.credits AS
SELECT a.code AS account, i.instance_id, i.product, i.subject, m.code AS meter, m.unit, r.hour AS since, -r.residue AS quantity,
  p.currency, trim_scale(billing.charge(p.model, p.bands, 0, 0, -r.residue)) AS amount, i.closed,
  i.closed IS NOT NULL AS refund_due
FROM (SELECT DISTINCT ON (instance_no) * FROM residues ORDER BY instance_no, hour DESC) r
JOIN instances i USING (instance_no)
JOIN accounts a USING (account_no)
JOIN meters m USING (meter_no)
LEFT JOIN LATERAL (
  SELECT model, currency, bands FROM price_plans p
  WHERE p.account_no = i.account_no AND p.product = i.product AND p.meter_no = i.meter_no AND p.valid_from <= r.hour
  ORDER BY p.valid_from DESC, p.plan_id DESC LIMIT 1
) p ON true
WHERE r.residue < 0;

COMMENT ON VIEW billing.credits IS
  'Instances that were billed more than they used: set against coming usage, or to be refunded if none can come.';

-- Reads only these views. If this user may not create roles, an administrator does.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'billing_reader') THEN
    CREATE ROLE billing_reader NOLOGIN;
  END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
  RAISE NOTICE 'role billing_reader was not made: %', SQLERRM;
END $$;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'billing_reader') THEN
    GRANT USAGE ON SCHEMA billing TO billing_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA billing TO billing_reader;
    ALTER DEFAULT PRIVILEGES IN SCHEMA billing GRANT SELECT ON TABLES TO billing_reader;
  END IF;
END $$;
