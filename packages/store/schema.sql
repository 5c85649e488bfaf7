-- Made by `npm run schema` from a migrated database. The migrations are the source; a test compares.

CREATE DOMAIN aggregation AS text CHECK ((VALUE = ANY (ARRAY['sum'::text, 'count'::text, 'max'::text, 'unique'::text])));
CREATE DOMAIN bill_finding_kind AS text CHECK ((VALUE = ANY (ARRAY['missing'::text, 'extra'::text, 'different'::text, 'late'::text, 'refunded'::text])));
CREATE DOMAIN bill_scope AS text CHECK ((VALUE = ANY (ARRAY['record'::text, 'instance'::text, 'product'::text])));
CREATE DOMAIN billing_cycle AS text CHECK ((VALUE = ANY (ARRAY['hourly'::text, 'daily'::text])));
CREATE DOMAIN case_act AS text CHECK ((VALUE = ANY (ARRAY['opened'::text, 'settled'::text, 'assign'::text, 'note'::text, 'write_off'::text, 'close'::text, 'rereport'::text, 'resend'::text, 'choose'::text, 'ask'::text])));
CREATE DOMAIN case_kind AS text CHECK ((VALUE = ANY (ARRAY['record_conflict'::text, 'record_rejected_fixable'::text, 'record_rejected_final'::text, 'record_expired'::text, 'record_abnormal'::text, 'record_missing'::text, 'extra'::text, 'bill_missing'::text, 'bill_extra'::text, 'bill_different'::text, 'bill_refunded'::text, 'event_conflict'::text, 'quarantine'::text, 'unbillable'::text, 'call_unknown'::text, 'order_query'::text, 'order'::text, 'order_item'::text, 'no_product'::text, 'product'::text, 'several_products'::text, 'mode'::text, 'customer'::text, 'seller'::text, 'meter'::text])));
CREATE DOMAIN case_resolution AS text CHECK ((VALUE = ANY (ARRAY['settled'::text, 'written_off'::text, 'closed'::text])));
CREATE DOMAIN finding_kind AS text CHECK ((VALUE = ANY (ARRAY['missing'::text, 'extra'::text, 'different'::text, 'abnormal'::text, 'late'::text])));
CREATE DOMAIN hour_status AS text CHECK ((VALUE = ANY (ARRAY['complete'::text, 'nothing'::text, 'incomplete'::text])));
CREATE DOMAIN key_role AS text CHECK ((VALUE = ANY (ARRAY['ingest'::text, 'operator'::text, 'finance'::text, 'auditor'::text])));
CREATE DOMAIN key_state AS text CHECK ((VALUE = ANY (ARRAY['right'::text, 'wrong'::text, 'unknown'::text])));
CREATE DOMAIN life_event_kind AS text CHECK ((VALUE = ANY (ARRAY['opened'::text, 'renewed'::text, 'suspended'::text, 'resumed'::text, 'changed'::text, 'closed'::text])));
CREATE DOMAIN outcome_source AS text CHECK ((VALUE = ANY (ARRAY['reply'::text, 'statement'::text, 'clock'::text, 'operator'::text])));
CREATE DOMAIN price_model AS text CHECK ((VALUE = ANY (ARRAY['fixed'::text, 'step'::text, 'tier'::text])));
CREATE DOMAIN price_period AS text CHECK ((VALUE = ANY (ARRAY['day'::text, 'month'::text, 'year'::text, 'life'::text])));
CREATE DOMAIN quarantine_reason AS text CHECK ((VALUE = ANY (ARRAY['unknown_meter'::text, 'unknown_account'::text, 'ambiguous_account'::text, 'unknown_instance'::text, 'instance_closed'::text, 'instance_suspended'::text, 'quantity_missing'::text, 'value_missing'::text, 'scale_exceeded'::text, 'correction_waits'::text, 'correction_mismatch'::text, 'correction_impossible'::text, 'corrected_already'::text, 'cannot_be_stored'::text])));
CREATE DOMAIN record_kind AS text CHECK ((VALUE = ANY (ARRAY['usage'::text, 'supplement'::text, 'rereport'::text])));
CREATE DOMAIN record_state AS text CHECK ((VALUE = ANY (ARRAY['frozen'::text, 'sent'::text, 'unknown'::text, 'accepted'::text, 'duplicate'::text, 'conflict'::text, 'rejected_fixable'::text, 'rejected_final'::text, 'expired'::text, 'billed'::text, 'abnormal'::text, 'missing'::text, 'replaced'::text, 'carried'::text])));
CREATE DOMAIN reset_rule AS text CHECK ((VALUE = ANY (ARRAY['none'::text, 'monthly'::text, 'yearly'::text])));
CREATE DOMAIN selling_mode AS text CHECK ((VALUE = ANY (ARRAY['pay_per_use'::text, 'package'::text, 'stop_package'::text, 'per_use'::text, 'period'::text])));
CREATE DOMAIN stated_state AS text CHECK ((VALUE = ANY (ARRAY['pending'::text, 'normal'::text, 'abnormal'::text, 'billed'::text])));
CREATE DOMAIN submission_state AS text CHECK ((VALUE = ANY (ARRAY['frozen'::text, 'sent'::text, 'unknown'::text, 'accepted'::text, 'duplicate'::text, 'conflict'::text, 'rejected_fixable'::text, 'rejected_final'::text, 'expired'::text, 'billed'::text, 'abnormal'::text, 'missing'::text, 'replaced'::text, 'carried'::text, 'split'::text])));
CREATE DOMAIN subscription_state AS text CHECK ((VALUE = ANY (ARRAY['opening'::text, 'active'::text, 'suspended'::text, 'closed'::text, 'same'::text])));
CREATE DOMAIN suspension_reason AS text CHECK ((VALUE = ANY (ARRAY['status'::text, 'expired'::text])));
CREATE DOMAIN verdict AS text CHECK ((VALUE = ANY (ARRAY['accepted'::text, 'refused'::text, 'split'::text, 'halt'::text, 'retry'::text, 'unknown'::text])));
CREATE DOMAIN waits_for AS text CHECK ((VALUE = ANY (ARRAY['order_query'::text, 'order'::text, 'order_item'::text, 'no_product'::text, 'product'::text, 'several_products'::text, 'mode'::text, 'customer'::text, 'seller'::text, 'meter'::text])));

CREATE TABLE account_hours (
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  hour timestamp with time zone NOT NULL,
  frozen_through integer NOT NULL DEFAULT 0,
  frozen_at timestamp with time zone,
  CONSTRAINT account_hours_pkey PRIMARY KEY (account_no, shard, hour),
  CONSTRAINT account_hours_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT account_hours_hour_shard_fkey FOREIGN KEY (hour, shard) REFERENCES hours(hour, shard)
);

CREATE TABLE account_probes (
  account_no smallint NOT NULL,
  probed_at timestamp with time zone NOT NULL,
  host text NOT NULL,
  reachable boolean NOT NULL,
  key key_state NOT NULL,
  code text NOT NULL,
  date_offset_ms integer,
  CONSTRAINT account_probes_pkey PRIMARY KEY (account_no),
  CONSTRAINT account_probes_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE account_rules (
  rule_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  source text,
  subject text,
  account_no smallint NOT NULL,
  key_id text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT account_rules_pkey PRIMARY KEY (rule_no),
  CONSTRAINT account_rules_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT account_rules_check CHECK ((num_nonnulls(source, subject) = 1)),
  CONSTRAINT account_rules_source_subject_key UNIQUE NULLS NOT DISTINCT (source, subject)
);

CREATE TABLE accounts (
  account_no smallint NOT NULL GENERATED ALWAYS AS IDENTITY,
  code text NOT NULL,
  marketplace text NOT NULL,
  site text NOT NULL,
  address text,
  day_offset_minutes smallint NOT NULL,
  hour_slots boolean NOT NULL DEFAULT false,
  halted_code text,
  halted_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT accounts_pkey PRIMARY KEY (account_no),
  CONSTRAINT accounts_code_key UNIQUE (code),
  CONSTRAINT accounts_day_offset_minutes_check CHECK ((((day_offset_minutes >= '-720'::integer) AND (day_offset_minutes <= 840)) AND (((day_offset_minutes)::integer % 60) = 0)))
);

CREATE TABLE anchors (
  account_no smallint NOT NULL,
  number bigint NOT NULL,
  place text NOT NULL,
  hash text NOT NULL,
  anchored_at timestamp with time zone NOT NULL,
  CONSTRAINT anchors_pkey PRIMARY KEY (account_no, number, place),
  CONSTRAINT anchors_account_no_number_fkey FOREIGN KEY (account_no, number) REFERENCES manifests(account_no, number)
);

CREATE TABLE api_keys (
  key_id text NOT NULL,
  name text NOT NULL,
  role key_role NOT NULL,
  sources text[],
  accounts text[],
  secret_sha256 bytea NOT NULL,
  created_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  CONSTRAINT api_keys_pkey PRIMARY KEY (key_id),
  CONSTRAINT api_keys_check CHECK (((sources IS NULL) OR (((role)::text = 'ingest'::text) AND (cardinality(sources) > 0)))),
  CONSTRAINT api_keys_check1 CHECK (((accounts IS NULL) OR (((role)::text <> 'ingest'::text) AND (cardinality(accounts) > 0)))),
  CONSTRAINT api_keys_secret_sha256_check CHECK ((octet_length(secret_sha256) = 32))
);

CREATE TABLE attempts (
  submission_id bigint NOT NULL,
  attempt integer NOT NULL,
  fence integer NOT NULL,
  sent_at timestamp with time zone NOT NULL,
  sent_real timestamp with time zone NOT NULL,
  host text,
  body_sha256 text,
  result verdict,
  code text,
  http_status integer,
  reply text,
  duration_ms integer,
  CONSTRAINT attempts_pkey PRIMARY KEY (submission_id, attempt),
  CONSTRAINT attempts_submission_id_fkey FOREIGN KEY (submission_id) REFERENCES submissions(submission_id)
);

CREATE TABLE audit (
  audit_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint,
  at timestamp with time zone NOT NULL,
  key_id text NOT NULL,
  act text NOT NULL,
  ref text NOT NULL,
  before jsonb,
  after jsonb,
  CONSTRAINT audit_pkey PRIMARY KEY (audit_id),
  CONSTRAINT audit_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE bill_findings (
  finding_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  kind bill_finding_kind NOT NULL,
  month date NOT NULL,
  scope bill_scope NOT NULL,
  key text NOT NULL,
  currency text NOT NULL,
  ours numeric,
  theirs numeric,
  statement_id bigint NOT NULL,
  found_at timestamp with time zone NOT NULL,
  resolved_at timestamp with time zone,
  settled boolean NOT NULL DEFAULT false,
  CONSTRAINT bill_findings_pkey PRIMARY KEY (finding_id),
  CONSTRAINT bill_findings_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT bill_findings_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES statements(statement_id)
);

CREATE TABLE bill_lines (
  statement_id bigint NOT NULL,
  line integer NOT NULL,
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
  begin_at timestamp with time zone,
  end_at timestamp with time zone,
  CONSTRAINT bill_lines_pkey PRIMARY KEY (statement_id, line),
  CONSTRAINT bill_lines_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES statements(statement_id)
);

CREATE TABLE binding_changes (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  subject text NOT NULL,
  changed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE call_totals (
  submission_id bigint NOT NULL,
  account_no smallint NOT NULL,
  hour timestamp with time zone NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL,
  kind record_kind NOT NULL,
  records bigint NOT NULL,
  quantity numeric NOT NULL,
  CONSTRAINT call_totals_pkey PRIMARY KEY (submission_id, hour, product, meter_no, kind),
  CONSTRAINT call_totals_submission_id_fkey FOREIGN KEY (submission_id) REFERENCES submissions(submission_id)
);

CREATE TABLE calls (
  call_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  version text NOT NULL,
  activity text NOT NULL,
  test boolean NOT NULL,
  received timestamp with time zone NOT NULL,
  query text NOT NULL,
  body text NOT NULL,
  authentic boolean NOT NULL,
  ok boolean NOT NULL,
  code text NOT NULL,
  detail text NOT NULL,
  reply text NOT NULL,
  duration_ms integer NOT NULL,
  ref text NOT NULL,
  rerun_of bigint,
  CONSTRAINT calls_pkey PRIMARY KEY (call_id),
  CONSTRAINT calls_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT calls_rerun_of_fkey FOREIGN KEY (rerun_of) REFERENCES calls(call_id)
);

CREATE TABLE case_history (
  entry_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  case_id bigint NOT NULL,
  at timestamp with time zone NOT NULL,
  key_id text NOT NULL,
  act case_act NOT NULL,
  detail jsonb NOT NULL,
  CONSTRAINT case_history_pkey PRIMARY KEY (entry_id),
  CONSTRAINT case_history_case_id_fkey FOREIGN KEY (case_id) REFERENCES cases(case_id)
);

CREATE TABLE cases (
  case_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint,
  kind case_kind NOT NULL,
  ref text NOT NULL,
  detail text NOT NULL,
  opened_at timestamp with time zone NOT NULL,
  resolved_at timestamp with time zone,
  owner text,
  due_at timestamp with time zone,
  resolution case_resolution,
  CONSTRAINT cases_pkey PRIMARY KEY (case_id),
  CONSTRAINT cases_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE chains (
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  checksum text NOT NULL,
  CONSTRAINT chains_pkey PRIMARY KEY (account_no, shard),
  CONSTRAINT chains_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE clock (
  only_row boolean NOT NULL DEFAULT true,
  real_anchor timestamp with time zone NOT NULL,
  product_anchor timestamp with time zone NOT NULL,
  rate numeric NOT NULL,
  beat_product timestamp with time zone NOT NULL,
  CONSTRAINT clock_pkey PRIMARY KEY (only_row),
  CONSTRAINT clock_only_row_check CHECK (only_row),
  CONSTRAINT clock_rate_check CHECK ((rate >= (0)::numeric))
);

CREATE TABLE collectors (
  collector_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  watermark timestamp with time zone NOT NULL,
  beat_at timestamp with time zone NOT NULL,
  left_at timestamp with time zone,
  CONSTRAINT collectors_pkey PRIMARY KEY (collector_no),
  CONSTRAINT collectors_name_key UNIQUE (name)
);

CREATE TABLE conflicts (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  payload_hash uuid NOT NULL,
  subject text NOT NULL,
  meter text NOT NULL,
  occurred timestamp with time zone NOT NULL,
  quantity numeric,
  value text,
  account text,
  found_at timestamp with time zone NOT NULL,
  CONSTRAINT conflicts_pkey PRIMARY KEY (source_no, key, payload_hash)
);

CREATE TABLE corrections (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  target_key uuid NOT NULL,
  quantity numeric NOT NULL,
  delta numeric NOT NULL,
  instance_no integer NOT NULL,
  bill_hour timestamp with time zone NOT NULL,
  said_at timestamp with time zone NOT NULL,
  applied_at timestamp with time zone NOT NULL,
  CONSTRAINT corrections_pkey PRIMARY KEY (source_no, key),
  CONSTRAINT corrections_instance_no_fkey FOREIGN KEY (instance_no) REFERENCES instances(instance_no),
  CONSTRAINT corrections_quantity_check CHECK (((quantity >= (0)::numeric) AND (quantity < 'Infinity'::numeric))),
  CONSTRAINT corrections_source_no_target_key_key UNIQUE (source_no, target_key)
);

CREATE TABLE debug_instances (
  account_no smallint NOT NULL,
  order_id text NOT NULL,
  item text NOT NULL,
  instance_id text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT debug_instances_pkey PRIMARY KEY (account_no, order_id, item),
  CONSTRAINT debug_instances_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE deductions (
  package_no bigint NOT NULL,
  instance_no integer NOT NULL,
  hour timestamp with time zone NOT NULL,
  period timestamp with time zone NOT NULL,
  quantity numeric NOT NULL,
  CONSTRAINT deductions_pkey PRIMARY KEY (package_no, instance_no, hour),
  CONSTRAINT deductions_instance_no_fkey FOREIGN KEY (instance_no) REFERENCES instances(instance_no),
  CONSTRAINT deductions_package_no_fkey FOREIGN KEY (package_no) REFERENCES packages(package_no),
  CONSTRAINT deductions_quantity_check CHECK (((quantity > (0)::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE events (
  key uuid NOT NULL,
  occurred timestamp with time zone NOT NULL,
  bill_hour timestamp with time zone,
  source_no integer NOT NULL,
  instance_no integer,
  timed boolean NOT NULL,
  quantity numeric,
  value text,
  id text,
  extensions jsonb,
  payload_hash uuid,
  CONSTRAINT events_pkey PRIMARY KEY (source_no, key, timed),
  CONSTRAINT events_check CHECK (((instance_no IS NOT NULL) OR (bill_hour IS NULL))),
  CONSTRAINT events_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE events_hashed (
  key uuid NOT NULL,
  occurred timestamp with time zone NOT NULL,
  bill_hour timestamp with time zone,
  source_no integer NOT NULL,
  instance_no integer,
  timed boolean NOT NULL,
  quantity numeric,
  value text,
  id text,
  extensions jsonb,
  payload_hash uuid,
  CONSTRAINT events_hashed_pkey PRIMARY KEY (source_no, key, timed),
  CONSTRAINT events_check CHECK (((instance_no IS NOT NULL) OR (bill_hour IS NULL))),
  CONSTRAINT events_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE events_hashed_0 (
  key uuid NOT NULL,
  occurred timestamp with time zone NOT NULL,
  bill_hour timestamp with time zone,
  source_no integer NOT NULL,
  instance_no integer,
  timed boolean NOT NULL,
  quantity numeric,
  value text,
  id text,
  extensions jsonb,
  payload_hash uuid,
  CONSTRAINT events_hashed_0_pkey PRIMARY KEY (source_no, key, timed),
  CONSTRAINT events_check CHECK (((instance_no IS NOT NULL) OR (bill_hour IS NULL))),
  CONSTRAINT events_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE events_hashed_1 (
  key uuid NOT NULL,
  occurred timestamp with time zone NOT NULL,
  bill_hour timestamp with time zone,
  source_no integer NOT NULL,
  instance_no integer,
  timed boolean NOT NULL,
  quantity numeric,
  value text,
  id text,
  extensions jsonb,
  payload_hash uuid,
  CONSTRAINT events_hashed_1_pkey PRIMARY KEY (source_no, key, timed),
  CONSTRAINT events_check CHECK (((instance_no IS NOT NULL) OR (bill_hour IS NULL))),
  CONSTRAINT events_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE events_hashed_2 (
  key uuid NOT NULL,
  occurred timestamp with time zone NOT NULL,
  bill_hour timestamp with time zone,
  source_no integer NOT NULL,
  instance_no integer,
  timed boolean NOT NULL,
  quantity numeric,
  value text,
  id text,
  extensions jsonb,
  payload_hash uuid,
  CONSTRAINT events_hashed_2_pkey PRIMARY KEY (source_no, key, timed),
  CONSTRAINT events_check CHECK (((instance_no IS NOT NULL) OR (bill_hour IS NULL))),
  CONSTRAINT events_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE events_hashed_3 (
  key uuid NOT NULL,
  occurred timestamp with time zone NOT NULL,
  bill_hour timestamp with time zone,
  source_no integer NOT NULL,
  instance_no integer,
  timed boolean NOT NULL,
  quantity numeric,
  value text,
  id text,
  extensions jsonb,
  payload_hash uuid,
  CONSTRAINT events_hashed_3_pkey PRIMARY KEY (source_no, key, timed),
  CONSTRAINT events_check CHECK (((instance_no IS NOT NULL) OR (bill_hour IS NULL))),
  CONSTRAINT events_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE events_timed (
  key uuid NOT NULL,
  occurred timestamp with time zone NOT NULL,
  bill_hour timestamp with time zone,
  source_no integer NOT NULL,
  instance_no integer,
  timed boolean NOT NULL,
  quantity numeric,
  value text,
  id text,
  extensions jsonb,
  payload_hash uuid,
  CONSTRAINT events_timed_pkey PRIMARY KEY (source_no, key, timed),
  CONSTRAINT events_check CHECK (((instance_no IS NOT NULL) OR (bill_hour IS NULL))),
  CONSTRAINT events_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE events_timed_rest (
  key uuid NOT NULL,
  occurred timestamp with time zone NOT NULL,
  bill_hour timestamp with time zone,
  source_no integer NOT NULL,
  instance_no integer,
  timed boolean NOT NULL,
  quantity numeric,
  value text,
  id text,
  extensions jsonb,
  payload_hash uuid,
  CONSTRAINT events_timed_rest_pkey PRIMARY KEY (source_no, key, timed),
  CONSTRAINT events_check CHECK (((instance_no IS NOT NULL) OR (bill_hour IS NULL))),
  CONSTRAINT events_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE expected_sources (
  source_no integer NOT NULL,
  meter text NOT NULL DEFAULT ''::text,
  since timestamp with time zone NOT NULL,
  CONSTRAINT expected_sources_pkey PRIMARY KEY (source_no, meter),
  CONSTRAINT expected_sources_source_no_fkey FOREIGN KEY (source_no) REFERENCES sources(source_no)
);

CREATE TABLE findings (
  finding_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  kind finding_kind NOT NULL,
  sn text NOT NULL,
  instance_id text NOT NULL,
  begin_at timestamp with time zone NOT NULL,
  end_at timestamp with time zone NOT NULL,
  ours numeric,
  theirs numeric,
  code text,
  statement_id bigint NOT NULL,
  found_at timestamp with time zone NOT NULL,
  resolved_at timestamp with time zone,
  at_stake numeric,
  currency text,
  valued_at timestamp with time zone,
  settled boolean NOT NULL DEFAULT false,
  CONSTRAINT findings_pkey PRIMARY KEY (finding_id),
  CONSTRAINT findings_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES statements(statement_id)
);

CREATE TABLE heard (
  source_no integer NOT NULL,
  meter text NOT NULL,
  hour timestamp with time zone NOT NULL,
  CONSTRAINT heard_pkey PRIMARY KEY (source_no, meter, hour),
  CONSTRAINT heard_source_no_fkey FOREIGN KEY (source_no) REFERENCES sources(source_no)
);

CREATE TABLE hooks (
  hook_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  delivery_id text NOT NULL,
  kind text NOT NULL,
  ref text NOT NULL,
  payload text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  next_at timestamp with time zone NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  delivered_at timestamp with time zone,
  reply jsonb,
  CONSTRAINT hooks_pkey PRIMARY KEY (hook_id),
  CONSTRAINT hooks_account_no_delivery_id_key UNIQUE (account_no, delivery_id),
  CONSTRAINT hooks_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE hour_usage (
  shard smallint NOT NULL,
  bill_hour timestamp with time zone NOT NULL,
  instance_no integer NOT NULL,
  origin_hour timestamp with time zone NOT NULL,
  quantity numeric NOT NULL,
  events bigint NOT NULL,
  CONSTRAINT hour_usage_pkey PRIMARY KEY (shard, bill_hour, instance_no, origin_hour),
  CONSTRAINT hour_usage_check CHECK ((origin_hour <= bill_hour)),
  CONSTRAINT hour_usage_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE hours (
  hour timestamp with time zone NOT NULL,
  shard smallint NOT NULL,
  status hour_status NOT NULL,
  reason text NOT NULL DEFAULT ''::text,
  sealed_at timestamp with time zone NOT NULL,
  divided_at timestamp with time zone,
  frozen_at timestamp with time zone,
  CONSTRAINT hours_pkey PRIMARY KEY (hour, shard),
  CONSTRAINT hours_hour_check CHECK ((date_trunc('hour'::text, hour) = hour))
);

CREATE TABLE import_profiles (
  account_no smallint NOT NULL,
  name text NOT NULL,
  profile jsonb NOT NULL,
  saved_at timestamp with time zone NOT NULL,
  CONSTRAINT import_profiles_pkey PRIMARY KEY (account_no, name),
  CONSTRAINT import_profiles_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE instance_suspensions (
  instance_no integer NOT NULL,
  suspended_from timestamp with time zone NOT NULL,
  suspended_to timestamp with time zone,
  CONSTRAINT instance_suspensions_pkey PRIMARY KEY (instance_no, suspended_from),
  CONSTRAINT instance_suspensions_check CHECK (((date_trunc('second'::text, suspended_to) = suspended_to) AND (suspended_to > suspended_from))),
  CONSTRAINT instance_suspensions_instance_no_fkey FOREIGN KEY (instance_no) REFERENCES instances(instance_no),
  CONSTRAINT instance_suspensions_suspended_from_check CHECK ((date_trunc('second'::text, suspended_from) = suspended_from))
);

CREATE TABLE instances (
  instance_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  instance_id text NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL,
  subject text NOT NULL,
  shard smallint NOT NULL,
  cycle billing_cycle NOT NULL,
  opened timestamp with time zone NOT NULL,
  closed timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT instances_pkey PRIMARY KEY (instance_no),
  CONSTRAINT instances_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT instances_account_no_instance_id_key UNIQUE (account_no, instance_id),
  CONSTRAINT instances_check CHECK (((date_trunc('second'::text, closed) = closed) AND (closed > opened))),
  CONSTRAINT instances_meter_no_fkey FOREIGN KEY (meter_no) REFERENCES meters(meter_no),
  CONSTRAINT instances_opened_check CHECK ((date_trunc('second'::text, opened) = opened)),
  CONSTRAINT instances_shard_check CHECK ((shard >= 0))
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
  CONSTRAINT manifest_totals_pkey PRIMARY KEY (account_no, number, product, meter, unit, kind),
  CONSTRAINT manifest_totals_account_no_number_fkey FOREIGN KEY (account_no, number) REFERENCES manifests(account_no, number)
);

CREATE TABLE manifests (
  account_no smallint NOT NULL,
  number bigint NOT NULL,
  hour timestamp with time zone NOT NULL,
  canonical text NOT NULL,
  hash text NOT NULL,
  key_id text NOT NULL,
  signature text NOT NULL,
  seq_from bigint[] NOT NULL,
  seq_to bigint[] NOT NULL,
  made_at timestamp with time zone NOT NULL,
  CONSTRAINT manifests_pkey PRIMARY KEY (account_no, number),
  CONSTRAINT manifests_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT manifests_account_no_hour_key UNIQUE (account_no, hour),
  CONSTRAINT manifests_hour_check CHECK ((date_trunc('hour'::text, hour) = hour)),
  CONSTRAINT manifests_key_id_fkey FOREIGN KEY (key_id) REFERENCES proof_keys(key_id),
  CONSTRAINT manifests_number_check CHECK ((number > 0))
);

CREATE TABLE meters (
  meter_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  code text NOT NULL,
  aggregation aggregation NOT NULL,
  unit text NOT NULL,
  scale smallint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT meters_pkey PRIMARY KEY (meter_no),
  CONSTRAINT meters_code_key UNIQUE (code),
  CONSTRAINT meters_scale_check CHECK (((scale >= 0) AND (scale <= 12)))
);

CREATE TABLE nonces (
  account_no smallint NOT NULL,
  nonce_sha256 bytea NOT NULL,
  forget_at timestamp with time zone NOT NULL,
  CONSTRAINT nonces_pkey PRIMARY KEY (account_no, nonce_sha256),
  CONSTRAINT nonces_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE orders (
  account_no smallint NOT NULL,
  order_id text NOT NULL,
  line text NOT NULL,
  reply text NOT NULL,
  fetched_at timestamp with time zone NOT NULL,
  CONSTRAINT orders_pkey PRIMARY KEY (account_no, order_id, line),
  CONSTRAINT orders_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE outcomes (
  outcome_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  sn text NOT NULL,
  state record_state NOT NULL,
  code text,
  detail text NOT NULL DEFAULT ''::text,
  source outcome_source NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT outcomes_pkey PRIMARY KEY (outcome_id),
  CONSTRAINT outcomes_sn_fkey FOREIGN KEY (sn) REFERENCES records(sn)
);

CREATE TABLE own_states (
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  state record_state NOT NULL,
  outcome_id bigint,
  hour timestamp with time zone NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL,
  kind record_kind NOT NULL,
  quantity numeric NOT NULL,
  CONSTRAINT own_states_pkey PRIMARY KEY (account_no, shard, seq)
);

CREATE TABLE packages (
  package_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  subscription_no bigint NOT NULL,
  account_no smallint NOT NULL,
  subject text NOT NULL,
  meter_no integer NOT NULL,
  quota numeric NOT NULL,
  reset_rule reset_rule NOT NULL,
  deduction_order smallint NOT NULL,
  stops boolean NOT NULL,
  starts timestamp with time zone NOT NULL,
  expires timestamp with time zone,
  deactivated_at timestamp with time zone,
  warned_period timestamp with time zone,
  used_up_period timestamp with time zone,
  CONSTRAINT packages_pkey PRIMARY KEY (package_no),
  CONSTRAINT packages_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT packages_meter_no_fkey FOREIGN KEY (meter_no) REFERENCES meters(meter_no),
  CONSTRAINT packages_quota_check CHECK (((quota > (0)::numeric) AND (quota < 'Infinity'::numeric))),
  CONSTRAINT packages_subscription_no_fkey FOREIGN KEY (subscription_no) REFERENCES subscriptions(subscription_no),
  CONSTRAINT packages_subscription_no_meter_no_key UNIQUE (subscription_no, meter_no)
);

CREATE TABLE price_plans (
  plan_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL,
  valid_from timestamp with time zone NOT NULL,
  model price_model NOT NULL,
  currency text NOT NULL,
  period price_period NOT NULL,
  free numeric NOT NULL,
  bands jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT price_plans_pkey PRIMARY KEY (plan_id),
  CONSTRAINT price_plans_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT price_plans_free_check CHECK (((free >= (0)::numeric) AND (free < 'Infinity'::numeric))),
  CONSTRAINT price_plans_meter_no_fkey FOREIGN KEY (meter_no) REFERENCES meters(meter_no)
);

CREATE TABLE product_contents (
  account_no smallint NOT NULL,
  product_id text NOT NULL,
  meter_no integer NOT NULL,
  quota numeric NOT NULL,
  CONSTRAINT product_contents_pkey PRIMARY KEY (account_no, product_id, meter_no),
  CONSTRAINT product_contents_account_no_product_id_fkey FOREIGN KEY (account_no, product_id) REFERENCES products(account_no, product_id),
  CONSTRAINT product_contents_meter_no_fkey FOREIGN KEY (meter_no) REFERENCES meters(meter_no),
  CONSTRAINT product_contents_quota_check CHECK (((quota > (0)::numeric) AND (quota < 'Infinity'::numeric)))
);

CREATE TABLE products (
  account_no smallint NOT NULL,
  product_id text NOT NULL,
  mode selling_mode NOT NULL,
  meter_no integer,
  cycle billing_cycle NOT NULL,
  reset_rule reset_rule NOT NULL DEFAULT 'none'::text,
  deduction_order smallint NOT NULL DEFAULT 0,
  front_end_url text,
  admin_url text,
  dashboard_url text,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT products_pkey PRIMARY KEY (account_no, product_id),
  CONSTRAINT products_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT products_check CHECK ((((mode)::text = 'pay_per_use'::text) = (meter_no IS NOT NULL))),
  CONSTRAINT products_meter_no_fkey FOREIGN KEY (meter_no) REFERENCES meters(meter_no)
);

CREATE TABLE proof_keys (
  key_id text NOT NULL,
  public_key text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT proof_keys_pkey PRIMARY KEY (key_id),
  CONSTRAINT proof_keys_public_key_check CHECK ((public_key ~ '^[0-9a-f]{64}$'::text))
);

CREATE TABLE quarantine (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  account text,
  reason quarantine_reason NOT NULL,
  subject text NOT NULL,
  meter text NOT NULL,
  raw bytea,
  quarantined_at timestamp with time zone NOT NULL,
  released_at timestamp with time zone,
  written_off_at timestamp with time zone,
  CONSTRAINT quarantine_pkey PRIMARY KEY (source_no, key)
);

CREATE TABLE receipts (
  collector_no integer NOT NULL,
  seq bigint NOT NULL,
  counted integer NOT NULL,
  duplicates integer NOT NULL,
  conflicts integer NOT NULL,
  quarantined integer NOT NULL,
  committed_at timestamp with time zone NOT NULL,
  CONSTRAINT receipts_pkey PRIMARY KEY (collector_no, seq)
);

CREATE TABLE record_proofs (
  hour timestamp with time zone NOT NULL,
  instance_no integer NOT NULL,
  sn text,
  events_root bytea NOT NULL,
  leaves bigint NOT NULL,
  CONSTRAINT record_proofs_pkey PRIMARY KEY (hour, instance_no),
  CONSTRAINT record_proofs_events_root_check CHECK ((octet_length(events_root) = 32))
);

CREATE TABLE record_receipts (
  sn text NOT NULL,
  receipt text NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT record_receipts_pkey PRIMARY KEY (sn),
  CONSTRAINT record_receipts_sn_fkey FOREIGN KEY (sn) REFERENCES records(sn)
);

CREATE TABLE records (
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  sn text NOT NULL,
  kind record_kind NOT NULL,
  instance_no integer NOT NULL,
  hour timestamp with time zone NOT NULL,
  begin_at timestamp with time zone NOT NULL,
  end_at timestamp with time zone NOT NULL,
  part text NOT NULL,
  quantity numeric NOT NULL,
  events bigint NOT NULL,
  replaces text,
  canonical text NOT NULL,
  checksum text NOT NULL,
  prev text NOT NULL,
  wire text NOT NULL,
  wire_version smallint NOT NULL,
  window_ends timestamp with time zone NOT NULL,
  late_ends timestamp with time zone NOT NULL,
  expires timestamp with time zone NOT NULL,
  frozen_at timestamp with time zone NOT NULL,
  package_instance text,
  slot text,
  carried numeric,
  CONSTRAINT records_pkey PRIMARY KEY (account_no, shard, seq),
  CONSTRAINT records_carried_check CHECK (((carried >= (0)::numeric) AND (carried < 'Infinity'::numeric))),
  CONSTRAINT records_check CHECK ((end_at > begin_at)),
  CONSTRAINT records_check1 CHECK (((quantity > (0)::numeric) OR (carried IS NOT NULL))),
  CONSTRAINT records_instance_no_begin_at_end_at_part_key UNIQUE (instance_no, begin_at, end_at, part),
  CONSTRAINT records_quantity_check CHECK (((quantity >= (0)::numeric) AND (quantity < 'Infinity'::numeric))),
  CONSTRAINT records_replaces_fkey FOREIGN KEY (replaces) REFERENCES records(sn),
  CONSTRAINT records_sn_key UNIQUE (sn)
);

CREATE TABLE rereports (
  request_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  sn text NOT NULL,
  quantity numeric,
  reason text NOT NULL,
  key_id text NOT NULL,
  asked_at timestamp with time zone NOT NULL,
  done_at timestamp with time zone,
  new_sn text,
  refused text,
  begin_at timestamp with time zone,
  end_at timestamp with time zone,
  CONSTRAINT rereports_pkey PRIMARY KEY (request_id),
  CONSTRAINT rereports_begin_at_check CHECK ((date_trunc('second'::text, begin_at) = begin_at)),
  CONSTRAINT rereports_check CHECK ((((begin_at IS NULL) = (end_at IS NULL)) AND (begin_at < end_at))),
  CONSTRAINT rereports_end_at_check CHECK ((date_trunc('second'::text, end_at) = end_at)),
  CONSTRAINT rereports_new_sn_fkey FOREIGN KEY (new_sn) REFERENCES records(sn),
  CONSTRAINT rereports_quantity_check CHECK (((quantity > (0)::numeric) AND (quantity < 'Infinity'::numeric))),
  CONSTRAINT rereports_sn_fkey FOREIGN KEY (sn) REFERENCES records(sn)
);

CREATE TABLE reruns (
  rerun_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  call_id bigint NOT NULL,
  key_id text NOT NULL,
  asked_at timestamp with time zone NOT NULL,
  done_at timestamp with time zone,
  code text,
  CONSTRAINT reruns_pkey PRIMARY KEY (rerun_id),
  CONSTRAINT reruns_call_id_fkey FOREIGN KEY (call_id) REFERENCES calls(call_id)
);

CREATE TABLE residues (
  instance_no integer NOT NULL,
  hour timestamp with time zone NOT NULL,
  residue numeric NOT NULL,
  CONSTRAINT residues_pkey PRIMARY KEY (instance_no, hour),
  CONSTRAINT residues_residue_check CHECK (((residue > '-Infinity'::numeric) AND (residue < 'Infinity'::numeric)))
);

CREATE TABLE retention (
  only_row boolean NOT NULL DEFAULT true,
  keep_days integer NOT NULL,
  events_since timestamp with time zone,
  CONSTRAINT retention_pkey PRIMARY KEY (only_row),
  CONSTRAINT retention_keep_days_check CHECK ((keep_days >= 8)),
  CONSTRAINT retention_only_row_check CHECK (only_row)
);

CREATE TABLE shards (
  shard smallint NOT NULL,
  sealed_before timestamp with time zone NOT NULL,
  CONSTRAINT shards_pkey PRIMARY KEY (shard),
  CONSTRAINT shards_sealed_before_check CHECK ((date_trunc('hour'::text, sealed_before) = sealed_before))
);

CREATE TABLE sources (
  source_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  source text NOT NULL,
  CONSTRAINT sources_pkey PRIMARY KEY (source_no),
  CONSTRAINT sources_source_key UNIQUE (source)
);

CREATE TABLE standing_max (
  instance_no integer NOT NULL,
  origin_hour timestamp with time zone NOT NULL,
  value numeric NOT NULL,
  previous numeric NOT NULL DEFAULT 0,
  CONSTRAINT standing_max_pkey PRIMARY KEY (instance_no, origin_hour)
);

CREATE TABLE standing_values (
  instance_no integer NOT NULL,
  origin_hour timestamp with time zone NOT NULL,
  value_key uuid NOT NULL,
  CONSTRAINT standing_values_pkey PRIMARY KEY (instance_no, origin_hour, value_key)
);

CREATE TABLE statement_lines (
  statement_id bigint NOT NULL,
  line integer NOT NULL,
  sn text NOT NULL,
  instance_id text NOT NULL,
  begin_at timestamp with time zone NOT NULL,
  end_at timestamp with time zone NOT NULL,
  quantity numeric NOT NULL,
  state stated_state NOT NULL,
  code text,
  CONSTRAINT statement_lines_pkey PRIMARY KEY (statement_id, line),
  CONSTRAINT statement_lines_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES statements(statement_id)
);

CREATE TABLE statements (
  statement_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  source text NOT NULL,
  complete boolean NOT NULL,
  range_from timestamp with time zone,
  range_to timestamp with time zone,
  lines integer NOT NULL,
  taken_at timestamp with time zone NOT NULL,
  bill_from timestamp with time zone,
  bill_to timestamp with time zone,
  superseded_by bigint,
  CONSTRAINT statements_pkey PRIMARY KEY (statement_id),
  CONSTRAINT statements_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT statements_superseded_by_fkey FOREIGN KEY (superseded_by) REFERENCES statements(statement_id)
);

CREATE TABLE submissions (
  submission_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq_from bigint NOT NULL,
  seq_to bigint NOT NULL,
  parent bigint,
  state submission_state NOT NULL,
  code text,
  host text,
  deadline timestamp with time zone NOT NULL,
  expires timestamp with time zone NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  fence integer NOT NULL DEFAULT 0,
  next_at timestamp with time zone NOT NULL,
  lease_until timestamp with time zone,
  settled_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT submissions_pkey PRIMARY KEY (submission_id),
  CONSTRAINT submissions_check CHECK ((seq_to >= seq_from)),
  CONSTRAINT submissions_parent_fkey FOREIGN KEY (parent) REFERENCES submissions(submission_id)
);

CREATE TABLE subscription_events (
  event_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  subscription_no bigint NOT NULL,
  kind life_event_kind NOT NULL,
  order_ref text NOT NULL DEFAULT ''::text,
  detail jsonb NOT NULL DEFAULT '{}'::jsonb,
  at timestamp with time zone NOT NULL,
  CONSTRAINT subscription_events_pkey PRIMARY KEY (event_id),
  CONSTRAINT subscription_events_subscription_no_fkey FOREIGN KEY (subscription_no) REFERENCES subscriptions(subscription_no)
);

CREATE TABLE subscriptions (
  subscription_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  instance_id text NOT NULL,
  order_id text NOT NULL,
  item text NOT NULL,
  version text NOT NULL,
  state subscription_state NOT NULL,
  waits_for waits_for,
  product_id text,
  mode selling_mode,
  customer_id text,
  customer_name text,
  terms jsonb NOT NULL DEFAULT '{}'::jsonb,
  expires timestamp with time zone,
  provided jsonb,
  subject text,
  opened timestamp with time zone,
  suspended_at timestamp with time zone,
  suspended_why suspension_reason,
  closed_at timestamp with time zone,
  same_as bigint,
  received_at timestamp with time zone NOT NULL,
  next_try timestamp with time zone,
  tries integer NOT NULL DEFAULT 0,
  CONSTRAINT subscriptions_pkey PRIMARY KEY (subscription_no),
  CONSTRAINT subscriptions_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT subscriptions_account_no_instance_id_key UNIQUE (account_no, instance_id),
  CONSTRAINT subscriptions_account_no_order_id_item_version_key UNIQUE (account_no, order_id, item, version),
  CONSTRAINT subscriptions_same_as_fkey FOREIGN KEY (same_as) REFERENCES subscriptions(subscription_no)
);

CREATE TABLE unbillable (
  instance_no integer NOT NULL,
  hour timestamp with time zone NOT NULL,
  quantity numeric NOT NULL,
  reason text NOT NULL,
  CONSTRAINT unbillable_pkey PRIMARY KEY (instance_no, hour),
  CONSTRAINT unbillable_instance_no_fkey FOREIGN KEY (instance_no) REFERENCES instances(instance_no)
);

CREATE TABLE usage_total_marks (
  shard smallint NOT NULL,
  through timestamp with time zone NOT NULL,
  CONSTRAINT usage_total_marks_pkey PRIMARY KEY (shard)
);

CREATE TABLE usage_totals (
  instance_no integer NOT NULL,
  quantity numeric NOT NULL,
  CONSTRAINT usage_totals_pkey PRIMARY KEY (instance_no),
  CONSTRAINT usage_totals_instance_no_fkey FOREIGN KEY (instance_no) REFERENCES instances(instance_no),
  CONSTRAINT usage_totals_quantity_check CHECK (((quantity > '-Infinity'::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE INDEX account_hours_to_freeze ON public.account_hours USING btree (account_no, shard, hour) WHERE (frozen_at IS NULL);
CREATE INDEX audit_ref ON public.audit USING btree (account_no, ref, audit_id);
CREATE UNIQUE INDEX bill_findings_open ON public.bill_findings USING btree (account_no, kind, month, scope, key, currency) WHERE (resolved_at IS NULL);
CREATE INDEX bill_lines_usage ON public.bill_lines USING btree (usage_month);
CREATE INDEX binding_changes_xid ON public.binding_changes USING btree (xid);
CREATE INDEX call_totals_hour ON public.call_totals USING btree (account_no, hour);
CREATE INDEX calls_failed ON public.calls USING btree (account_no, call_id) WHERE (NOT ok);
CREATE INDEX calls_ref ON public.calls USING btree (account_no, ref, call_id);
CREATE INDEX case_history_of ON public.case_history USING btree (case_id, entry_id);
CREATE UNIQUE INDEX cases_open ON public.cases USING btree (account_no, kind, ref) NULLS NOT DISTINCT WHERE (resolved_at IS NULL);
CREATE INDEX cases_ref ON public.cases USING btree (ref);
CREATE INDEX corrections_hour ON public.corrections USING btree (bill_hour);
CREATE INDEX events_hashed_0_occurred_idx ON public.events_hashed_0 USING brin (occurred) WITH (autosummarize='on');
CREATE INDEX events_hashed_1_occurred_idx ON public.events_hashed_1 USING brin (occurred) WITH (autosummarize='on');
CREATE INDEX events_hashed_2_occurred_idx ON public.events_hashed_2 USING brin (occurred) WITH (autosummarize='on');
CREATE INDEX events_hashed_3_occurred_idx ON public.events_hashed_3 USING brin (occurred) WITH (autosummarize='on');
CREATE INDEX events_hashed_occurred_idx ON ONLY public.events_hashed USING brin (occurred) WITH (autosummarize='on');
CREATE INDEX events_occurred ON ONLY public.events USING brin (occurred) WITH (autosummarize='on');
CREATE INDEX events_timed_occurred_idx ON ONLY public.events_timed USING brin (occurred) WITH (autosummarize='on');
CREATE INDEX events_timed_rest_occurred_idx ON public.events_timed_rest USING brin (occurred) WITH (autosummarize='on');
CREATE UNIQUE INDEX findings_open ON public.findings USING btree (account_no, kind, sn) WHERE (resolved_at IS NULL);
CREATE INDEX findings_settled ON public.findings USING btree (account_no, kind, sn) WHERE settled;
CREATE INDEX findings_unvalued ON public.findings USING btree (account_no) WHERE (valued_at IS NULL);
CREATE INDEX hooks_due ON public.hooks USING btree (account_no, next_at) WHERE (delivered_at IS NULL);
CREATE INDEX hooks_waiting ON public.hooks USING btree (account_no, ref, hook_id) WHERE (delivered_at IS NULL);
CREATE INDEX hours_to_divide ON public.hours USING btree (shard, hour) WHERE ((divided_at IS NULL) AND (frozen_at IS NULL));
CREATE INDEX hours_to_freeze ON public.hours USING btree (shard, hour) WHERE (frozen_at IS NULL);
CREATE UNIQUE INDEX instance_suspensions_open ON public.instance_suspensions USING btree (instance_no) WHERE (suspended_to IS NULL);
CREATE INDEX instances_binding ON public.instances USING btree (subject, meter_no, opened);
CREATE INDEX outcomes_refused ON public.outcomes USING btree (sn) WHERE is_watched((state)::text);
CREATE INDEX outcomes_sn ON public.outcomes USING btree (sn, outcome_id);
CREATE INDEX own_states_hour ON public.own_states USING btree (account_no, hour);
CREATE INDEX packages_of ON public.packages USING btree (account_no, subject, meter_no);
CREATE INDEX price_plans_of ON public.price_plans USING btree (account_no, product, meter_no, valid_from DESC, plan_id DESC);
CREATE INDEX quarantine_corrections ON public.quarantine USING btree (source_no, key) WHERE ((released_at IS NULL) AND ((reason)::text = 'correction_waits'::text));
CREATE INDEX quarantine_waiting ON public.quarantine USING btree (subject, meter) WHERE (released_at IS NULL);
CREATE INDEX records_hour ON public.records USING btree (hour, instance_no);
CREATE INDEX records_replaces ON public.records USING btree (replaces) WHERE (replaces IS NOT NULL);
CREATE UNIQUE INDEX records_slot ON public.records USING btree (instance_no, slot, part) WHERE (slot IS NOT NULL);
CREATE UNIQUE INDEX rereports_open ON public.rereports USING btree (sn) WHERE (done_at IS NULL);
CREATE UNIQUE INDEX reruns_open ON public.reruns USING btree (call_id) WHERE (done_at IS NULL);
CREATE INDEX statement_lines_sn ON public.statement_lines USING btree (sn, statement_id);
CREATE INDEX statements_bills ON public.statements USING btree (account_no, bill_from) WHERE (bill_from IS NOT NULL);
CREATE INDEX submissions_due ON public.submissions USING btree (account_no, deadline, submission_id) WHERE is_owed((state)::text);
CREATE INDEX submissions_range ON public.submissions USING btree (account_no, shard, seq_from, seq_to);
CREATE INDEX submissions_refused ON public.submissions USING btree (account_no, shard, seq_from) WHERE is_troubled((state)::text);
CREATE INDEX submissions_span ON public.submissions USING gist (int8range(chain_position(account_no, shard, seq_from), chain_position(account_no, shard, seq_to), '[]'::text));
CREATE INDEX submissions_unsettled ON public.submissions USING btree (account_no, deadline) WHERE is_unsettled((state)::text);
CREATE INDEX subscription_events_of ON public.subscription_events USING btree (subscription_no, event_id);
CREATE UNIQUE INDEX subscription_events_once ON public.subscription_events USING btree (subscription_no, kind, order_ref) WHERE (order_ref <> ''::text);
CREATE INDEX subscriptions_customer ON public.subscriptions USING btree (account_no, customer_id);
CREATE INDEX subscriptions_due ON public.subscriptions USING btree (account_no, next_try) WHERE ((state)::text = 'opening'::text);
CREATE UNIQUE INDEX subscriptions_on_demand ON public.subscriptions USING btree (account_no, order_id, product_id) WHERE (((mode)::text = 'pay_per_use'::text) AND ((state)::text <> 'same'::text));

CREATE OR REPLACE FUNCTION public.billed_in(bill_hour timestamp with time zone, occurred timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT COALESCE(bill_hour, date_bin('1 hour', occurred, '2000-01-01 00:00:00+00'::timestamptz)) $function$;

CREATE OR REPLACE FUNCTION public.calls_of(account smallint, shard smallint, seq bigint)
 RETURNS SETOF bigint
 LANGUAGE sql
 STABLE
AS $function$
  SELECT submission_id FROM submissions s
  WHERE int8range(chain_position(s.account_no, s.shard, s.seq_from), chain_position(s.account_no, s.shard, s.seq_to), '[]')
      @> chain_position($1, $2, $3)
    AND s.state <> 'split'
$function$;

CREATE OR REPLACE FUNCTION public.chain_position(account smallint, shard smallint, seq bigint)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$ SELECT (account::bigint << 48) | (shard::bigint << 40) | seq $function$;

CREATE OR REPLACE FUNCTION billing.charge(model text, bands jsonb, free numeric, before numeric, quantity numeric)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.csv_cell(cell text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT CASE WHEN guarded ~ E'[",\n\r]' THEN '"' || replace(guarded, '"', '""') || '"' ELSE guarded END
  FROM (SELECT CASE WHEN cell ~ E'^[=+@\t\r＝＋－＠-]' THEN '''' || cell ELSE cell END AS guarded) g
$function$;

CREATE OR REPLACE FUNCTION public.is_carriable(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('rejected_fixable', 'rejected_final', 'expired') $function$;

CREATE OR REPLACE FUNCTION public.is_delivered(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('accepted', 'duplicate') $function$;

CREATE OR REPLACE FUNCTION public.is_earning(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('frozen', 'sent', 'unknown', 'accepted', 'duplicate', 'missing', 'billed') $function$;

CREATE OR REPLACE FUNCTION public.is_owed(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('frozen', 'sent', 'unknown') $function$;

CREATE OR REPLACE FUNCTION public.is_refused(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('rejected_fixable', 'rejected_final') $function$;

CREATE OR REPLACE FUNCTION public.is_settled(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('accepted', 'duplicate', 'billed', 'replaced', 'carried') $function$;

CREATE OR REPLACE FUNCTION public.is_taken(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('accepted', 'duplicate', 'billed') $function$;

CREATE OR REPLACE FUNCTION public.is_timed(key uuid)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT get_byte(uuid_send(key), 6) >> 4 = 7 $function$;

CREATE OR REPLACE FUNCTION public.is_troubled(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('conflict', 'rejected_fixable', 'rejected_final', 'expired', 'abnormal') $function$;

CREATE OR REPLACE FUNCTION public.is_undecided(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('unknown', 'missing', 'frozen') $function$;

CREATE OR REPLACE FUNCTION public.is_unsent(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('frozen', 'sent') $function$;

CREATE OR REPLACE FUNCTION public.is_unsettled(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('accepted', 'duplicate', 'rejected_fixable', 'rejected_final') $function$;

CREATE OR REPLACE FUNCTION public.is_watched(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT state IN ('conflict', 'rejected_fixable', 'rejected_final', 'expired', 'abnormal', 'missing') $function$;

CREATE OR REPLACE FUNCTION public.may_have_been_taken(record records)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.note_binding()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  INSERT INTO binding_changes (subject) VALUES (NEW.subject);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.note_outcomes()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.note_replaced()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  INSERT INTO own_states AS o (account_no, shard, seq, state, hour, product, meter_no, kind, quantity)
  SELECT r.account_no, r.shard, r.seq, 'replaced', r.hour, i.product, i.meter_no, r.kind, r.quantity
  FROM records r JOIN instances i USING (instance_no) WHERE r.sn = NEW.replaces
  ON CONFLICT (account_no, shard, seq) DO UPDATE SET state = 'replaced', outcome_id = NULL;
  PERFORM sum_calls(ARRAY(SELECT c FROM records r, calls_of(r.account_no, r.shard, r.seq) AS c WHERE r.sn = NEW.replaces));
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.note_suspension()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  INSERT INTO binding_changes (subject)
    SELECT subject FROM instances WHERE instance_no = COALESCE(NEW.instance_no, OLD.instance_no);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_sealed_usage()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE sealed record;
BEGIN
  SELECT u.shard, u.bill_hour INTO sealed FROM changed u JOIN shards s ON s.shard = u.shard
    WHERE s.sealed_before > u.bill_hour LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'hour % of shard % is sealed: % refused', sealed.bill_hour, sealed.shard, TG_OP
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.sum_calls(calls bigint[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.sum_new_calls()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM sum_calls(ARRAY(
    SELECT submission_id FROM added
    UNION SELECT s.submission_id FROM added n JOIN submissions s ON s.state <> 'split'
      AND int8range(chain_position(s.account_no, s.shard, s.seq_from), chain_position(s.account_no, s.shard, s.seq_to), '[]')
        && int8range(chain_position(n.account_no, n.shard, n.seq_from), chain_position(n.account_no, n.shard, n.seq_to), '[]')));
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.waits_for_account(named text, of_subject text, of_meter text)
 RETURNS smallint
 LANGUAGE sql
 STABLE
AS $function$
  SELECT CASE WHEN named IS NOT NULL THEN (SELECT account_no FROM accounts WHERE code = named)
    ELSE COALESCE(
      (SELECT CASE WHEN min(i.account_no) = max(i.account_no) THEN min(i.account_no) END
       FROM instances i JOIN meters m USING (meter_no) WHERE i.subject = of_subject AND m.code = of_meter),
      (SELECT CASE WHEN min(account_no) = max(account_no) THEN min(account_no) END FROM accounts)) END
$function$;

CREATE TRIGGER anchors_final BEFORE DELETE OR UPDATE ON public.anchors FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_final BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_history_final BEFORE DELETE OR UPDATE ON public.case_history FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER corrections_final BEFORE DELETE OR UPDATE ON public.corrections FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER hour_usage_sealed_delete AFTER DELETE ON public.hour_usage REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refuse_sealed_usage();
CREATE TRIGGER hour_usage_sealed_insert AFTER INSERT ON public.hour_usage REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refuse_sealed_usage();
CREATE TRIGGER hour_usage_sealed_moved AFTER UPDATE ON public.hour_usage REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refuse_sealed_usage();
CREATE TRIGGER hour_usage_sealed_update AFTER UPDATE ON public.hour_usage REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refuse_sealed_usage();
CREATE TRIGGER instance_suspensions_binding_changed AFTER INSERT OR DELETE OR UPDATE ON public.instance_suspensions FOR EACH ROW EXECUTE FUNCTION note_suspension();
CREATE TRIGGER instances_binding_changed AFTER INSERT OR UPDATE ON public.instances FOR EACH ROW EXECUTE FUNCTION note_binding();
CREATE TRIGGER instances_kept BEFORE DELETE ON public.instances FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER manifest_totals_final BEFORE DELETE OR UPDATE ON public.manifest_totals FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER manifests_final BEFORE DELETE OR UPDATE ON public.manifests FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outcomes_final BEFORE DELETE OR UPDATE ON public.outcomes FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outcomes_noted AFTER INSERT ON public.outcomes REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_outcomes();
CREATE TRIGGER price_plans_final BEFORE DELETE OR UPDATE ON public.price_plans FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER proof_keys_final BEFORE DELETE OR UPDATE ON public.proof_keys FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER record_proofs_final BEFORE DELETE OR UPDATE ON public.record_proofs FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER records_final BEFORE DELETE OR UPDATE ON public.records FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER records_replace AFTER INSERT ON public.records FOR EACH ROW WHEN ((new.replaces IS NOT NULL)) EXECUTE FUNCTION note_replaced();
CREATE TRIGGER residues_final BEFORE DELETE OR UPDATE ON public.residues FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER submissions_summed AFTER INSERT ON public.submissions REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION sum_new_calls();

CREATE VIEW billing.bill_lines AS
 SELECT a.code AS account,
    t.source AS bill,
    t.taken_at,
    t.complete,
    b.line,
    b.month,
    b.usage_month,
    b.sn,
    b.instance_id,
    b.product,
    b.customer,
    b.order_id,
    b.quantity,
    b.amount,
    b.currency,
    b.refund,
    b.statement_id AS bill_no,
    b.begin_at,
    b.end_at,
    (t.superseded_by IS NOT NULL) AS superseded
   FROM ((bill_lines b
     JOIN statements t USING (statement_id))
     JOIN accounts a USING (account_no));

-- billing.bill_lines: Lines of transaction details and bills as they were imported; superseded ones stand in a later, wider bill again.

CREATE VIEW billing.cases AS
 SELECT c.case_id,
    a.code AS account,
    c.kind,
    c.ref,
    c.detail,
    c.owner,
    c.opened_at,
    COALESCE(c.due_at, (c.opened_at + '1 day'::interval)) AS due_at,
    c.resolved_at,
    c.resolution
   FROM (cases c
     LEFT JOIN accounts a USING (account_no));

-- billing.cases: What a person has to settle; resolved_at is null while a case stands.

CREATE VIEW billing.corrections AS
 SELECT a.code AS account,
    s.source,
    COALESCE(c.id, (c.key)::text) AS id,
    COALESCE(t.id, (t.key)::text) AS corrects,
    i.instance_id,
    m.code AS meter,
    t.occurred,
    x.quantity,
    x.delta,
    x.bill_hour,
    x.applied_at
   FROM ((((((corrections x
     JOIN sources s USING (source_no))
     JOIN events c ON (((c.source_no = x.source_no) AND (c.key = x.key))))
     JOIN events t ON (((t.source_no = x.source_no) AND (t.key = x.target_key))))
     JOIN instances i ON ((i.instance_no = x.instance_no)))
     JOIN accounts a USING (account_no))
     JOIN meters m USING (meter_no));

-- billing.corrections: What was cancelled or amended, by which event, and the hour that took the difference.

CREATE VIEW billing.credits AS
 SELECT a.code AS account,
    i.instance_id,
    i.product,
    i.subject,
    m.code AS meter,
    m.unit,
    r.hour AS since,
    (- r.residue) AS quantity,
    p.currency,
    trim_scale(billing.charge((p.model)::text, p.bands, (0)::numeric, (0)::numeric, (- r.residue))) AS amount,
    i.closed,
    (i.closed IS NOT NULL) AS refund_due
   FROM ((((( SELECT DISTINCT ON (residues.instance_no) residues.instance_no,
            residues.hour,
            residues.residue
           FROM residues
          ORDER BY residues.instance_no, residues.hour DESC) r
     JOIN instances i USING (instance_no))
     JOIN accounts a USING (account_no))
     JOIN meters m USING (meter_no))
     LEFT JOIN LATERAL ( SELECT p_1.model,
            p_1.currency,
            p_1.bands
           FROM price_plans p_1
          WHERE ((p_1.account_no = i.account_no) AND (p_1.product = i.product) AND (p_1.meter_no = i.meter_no) AND (p_1.valid_from <= r.hour))
          ORDER BY p_1.valid_from DESC, p_1.plan_id DESC
         LIMIT 1) p ON (true))
  WHERE (r.residue < (0)::numeric);

-- billing.credits: Instances that were billed more than they used: set against coming usage, or to be refunded if none can come.

CREATE VIEW billing.differences AS
 SELECT f.kind,
    a.code AS account,
    f.sn,
    f.instance_id,
    f.begin_at,
    f.end_at,
    f.ours,
    f.theirs,
    f.code,
    f.found_at,
    f.resolved_at,
    t.source AS statement
   FROM ((findings f
     JOIN accounts a USING (account_no))
     JOIN statements t USING (statement_id));

-- billing.differences: Ours against the marketplace's statements; resolved_at is null while a difference stands.

CREATE VIEW billing.findings AS
 SELECT ('q'::text || f.finding_id) AS id,
    f.kind,
    'record'::text AS scope,
    a.code AS account,
    f.sn AS key,
    f.instance_id,
    f.begin_at AS since,
    f.ours,
    f.theirs,
    f.code,
    f.currency,
    f.at_stake,
    f.found_at,
    f.resolved_at,
    t.source AS statement
   FROM ((findings f
     JOIN accounts a USING (account_no))
     JOIN statements t USING (statement_id))
UNION ALL
 SELECT ('m'::text || f.finding_id) AS id,
    f.kind,
    f.scope,
    a.code AS account,
    f.key,
        CASE
            WHEN ((f.scope)::text = 'instance'::text) THEN f.key
            ELSE NULL::text
        END AS instance_id,
    (((f.month)::timestamp without time zone - make_interval(mins => (a.day_offset_minutes)::integer)) AT TIME ZONE 'UTC'::text) AS since,
    f.ours,
    f.theirs,
    NULL::text AS code,
    f.currency,
        CASE
            WHEN ((f.kind)::text = 'late'::text) THEN (0)::numeric
            ELSE abs((COALESCE(f.theirs, (0)::numeric) - COALESCE(f.ours, (0)::numeric)))
        END AS at_stake,
    f.found_at,
    f.resolved_at,
    t.source AS statement
   FROM ((bill_findings f
     JOIN accounts a USING (account_no))
     JOIN statements t USING (statement_id));

-- billing.findings: What reconciliation found: quantities (scope record, ids q…) and money of bills (ids m…); at_stake is null if no price is known.

CREATE VIEW billing.hour_totals AS
 SELECT a.code AS account,
    m.hour,
    t.product,
    t.meter,
    t.unit,
    t.kind,
    t.quantity,
    t.records
   FROM ((manifest_totals t
     JOIN manifests m USING (account_no, number))
     JOIN accounts a USING (account_no));

-- billing.hour_totals: What was filed, by hour, product, meter and kind of record, as the manifests sign it.

CREATE VIEW billing.hours AS
 SELECT hour,
    bool_or(((status)::text = 'incomplete'::text)) AS incomplete,
    string_agg(DISTINCT NULLIF(reason, ''::text), '; '::text) AS reason,
    max(sealed_at) AS sealed_at,
    bool_and((frozen_at IS NOT NULL)) AS filed
   FROM hours
  GROUP BY hour;

-- billing.hours: Hours that are sealed; incomplete where a source or collector was not heard.

CREATE VIEW billing.manifests AS
 SELECT a.code AS account,
    m.number,
    m.hour,
    m.hash,
    m.key_id,
    m.signature,
    m.canonical,
    m.made_at,
    ( SELECT count(*) AS count
           FROM anchors n
          WHERE ((n.account_no = m.account_no) AND (n.number = m.number))) AS anchors
   FROM (manifests m
     JOIN accounts a USING (account_no));

-- billing.manifests: The signed manifest of each hour and account.

CREATE VIEW billing.package_use AS
 SELECT a.code AS account,
    s.instance_id AS package_instance,
    s.order_id,
    s.product_id AS product,
    p.subject,
    i.instance_id,
    m.code AS meter,
    m.unit,
    d.hour,
    d.period,
    d.quantity,
    p.quota,
    p.stops
   FROM (((((deductions d
     JOIN packages p USING (package_no))
     JOIN subscriptions s USING (subscription_no))
     JOIN accounts a ON ((a.account_no = p.account_no)))
     JOIN meters m ON ((m.meter_no = p.meter_no)))
     JOIN instances i ON ((i.instance_no = d.instance_no)));

-- billing.package_use: What filed usage took from packages, by package, instance and hour; quota is of one period.

CREATE VIEW billing.quarantine AS
 SELECT q.account,
    q.reason,
    q.subject,
    q.meter,
    count(*) AS events,
    sum(e.quantity) AS quantity,
    min(q.quarantined_at) AS since
   FROM (quarantine q
     JOIN events e USING (source_no, key))
  WHERE ((q.released_at IS NULL) AND (q.written_off_at IS NULL))
  GROUP BY q.account, q.reason, q.subject, q.meter;

-- billing.quarantine: Acknowledged events that wait and are in no record yet; account is null if they name none.

CREATE VIEW billing.records AS
 SELECT r.sn,
    a.code AS account,
    i.instance_id,
    i.product,
    m.code AS meter,
    m.unit,
    i.subject,
    r.kind,
    r.part,
    r.hour,
    r.begin_at,
    r.end_at,
    r.quantity,
    r.events,
        CASE
            WHEN (EXISTS ( SELECT 1
               FROM records n
              WHERE (n.replaces = r.sn))) THEN 'replaced'::text
            ELSE COALESCE((o.state)::text, (s.state)::text)
        END AS state,
    COALESCE(o.code, s.code) AS code,
    s.attempts,
    s.submission_id,
    COALESCE(o.at, s.settled_at) AS settled_at,
    r.window_ends,
    r.late_ends,
    r.expires,
    r.frozen_at,
    r.replaces,
    r.shard,
    r.seq,
    r.checksum,
    r.prev
   FROM (((((records r
     JOIN accounts a USING (account_no))
     JOIN instances i USING (instance_no))
     JOIN meters m USING (meter_no))
     LEFT JOIN LATERAL ( SELECT s_1.state,
            s_1.code,
            s_1.attempts,
            s_1.submission_id,
            s_1.settled_at
           FROM submissions s_1
          WHERE ((int8range(chain_position(s_1.account_no, s_1.shard, s_1.seq_from), chain_position(s_1.account_no, s_1.shard, s_1.seq_to), '[]'::text) @> chain_position(r.account_no, r.shard, r.seq)) AND ((s_1.state)::text <> 'split'::text))
          ORDER BY (s_1.submission_id + 0) DESC
         LIMIT 1) s ON (true))
     LEFT JOIN LATERAL ( SELECT o_1.state,
            o_1.code,
            o_1.at
           FROM outcomes o_1
          WHERE (o_1.sn = r.sn)
          ORDER BY o_1.outcome_id DESC
         LIMIT 1) o ON (true));

-- billing.records: One row per bill record with its present state.

CREATE VIEW billing.records_by_hour AS
 SELECT a.code AS account,
    t.hour,
    t.product,
    m.code AS meter,
    m.unit,
    t.kind,
    t.state,
    (sum(t.records))::bigint AS records,
    sum(t.quantity) AS quantity
   FROM ((( SELECT c.account_no,
            c.hour,
            c.product,
            c.meter_no,
            c.kind,
            s.state,
            c.records,
            c.quantity
           FROM (call_totals c
             JOIN submissions s USING (submission_id))
          WHERE (((s.state)::text <> 'split'::text) AND (c.records > 0))
        UNION ALL
         SELECT own_states.account_no,
            own_states.hour,
            own_states.product,
            own_states.meter_no,
            own_states.kind,
            own_states.state,
            1,
            own_states.quantity
           FROM own_states) t
     JOIN accounts a USING (account_no))
     JOIN meters m USING (meter_no))
  GROUP BY a.code, t.hour, t.product, m.code, m.unit, t.kind, t.state;

-- billing.records_by_hour: Bill records summed up by hour, product, meter, kind and present state: the same as of billing.records, and at once.

CREATE VIEW billing.revenue AS
 WITH priced AS (
         SELECT b.sn,
            b.account,
            b.instance_id,
            b.product,
            b.meter,
            b.unit,
            b.subject,
            b.kind,
            b.part,
            b.hour,
            b.begin_at,
            b.end_at,
            b.quantity,
            b.events,
            b.state,
            b.code,
            b.attempts,
            b.submission_id,
            b.settled_at,
            b.window_ends,
            b.late_ends,
            b.expires,
            b.frozen_at,
            b.replaces,
            b.shard,
            b.seq,
            b.checksum,
            b.prev,
            r.instance_no,
            p.model,
            p.currency,
            p.bands,
            p.free,
            COALESCE(d.quantity, (0)::numeric) AS deducted,
            is_earning(b.state) AS expected,
            l.begins,
                CASE p.period
                    WHEN 'life'::text THEN NULL::timestamp without time zone
                    ELSE date_trunc(COALESCE((p.period)::text, 'month'::text), l.begins)
                END AS period
           FROM ((((((billing.records b
             JOIN records r USING (sn))
             JOIN accounts a ON ((a.account_no = r.account_no)))
             JOIN instances i USING (instance_no))
             LEFT JOIN LATERAL ( SELECT p_1.model,
                    p_1.currency,
                    p_1.bands,
                    p_1.free,
                    p_1.period
                   FROM price_plans p_1
                  WHERE ((p_1.account_no = r.account_no) AND (p_1.product = b.product) AND (p_1.meter_no = i.meter_no) AND (p_1.valid_from <= r.begin_at))
                  ORDER BY p_1.valid_from DESC, p_1.plan_id DESC
                 LIMIT 1) p ON (true))
             LEFT JOIN LATERAL ( SELECT sum(d_1.quantity) AS quantity
                   FROM deductions d_1
                  WHERE ((d_1.instance_no = r.instance_no) AND (d_1.hour = r.hour))) d ON (true))
             CROSS JOIN LATERAL ( SELECT ((r.begin_at AT TIME ZONE 'UTC'::text) + make_interval(mins => (a.day_offset_minutes)::integer)) AS begins) l)
        ), of_hour AS (
         SELECT priced.sn,
            priced.account,
            priced.instance_id,
            priced.product,
            priced.meter,
            priced.unit,
            priced.subject,
            priced.kind,
            priced.part,
            priced.hour,
            priced.begin_at,
            priced.end_at,
            priced.quantity,
            priced.events,
            priced.state,
            priced.code,
            priced.attempts,
            priced.submission_id,
            priced.settled_at,
            priced.window_ends,
            priced.late_ends,
            priced.expires,
            priced.frozen_at,
            priced.replaces,
            priced.shard,
            priced.seq,
            priced.checksum,
            priced.prev,
            priced.instance_no,
            priced.model,
            priced.currency,
            priced.bands,
            priced.free,
            priced.deducted,
            priced.expected,
            priced.begins,
            priced.period,
            COALESCE(sum(priced.quantity) FILTER (WHERE priced.expected) OVER (PARTITION BY priced.instance_id, priced.instance_no, priced.hour ORDER BY priced.begin_at, priced.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), (0)::numeric) AS hour_before
           FROM priced
        ), charged AS (
         SELECT of_hour.sn,
            of_hour.account,
            of_hour.instance_id,
            of_hour.product,
            of_hour.meter,
            of_hour.unit,
            of_hour.subject,
            of_hour.kind,
            of_hour.part,
            of_hour.hour,
            of_hour.begin_at,
            of_hour.end_at,
            of_hour.quantity,
            of_hour.events,
            of_hour.state,
            of_hour.code,
            of_hour.attempts,
            of_hour.submission_id,
            of_hour.settled_at,
            of_hour.window_ends,
            of_hour.late_ends,
            of_hour.expires,
            of_hour.frozen_at,
            of_hour.replaces,
            of_hour.shard,
            of_hour.seq,
            of_hour.checksum,
            of_hour.prev,
            of_hour.instance_no,
            of_hour.model,
            of_hour.currency,
            of_hour.bands,
            of_hour.free,
            of_hour.deducted,
            of_hour.expected,
            of_hour.begins,
            of_hour.period,
            of_hour.hour_before,
            (GREATEST(((of_hour.hour_before + of_hour.quantity) - of_hour.deducted), (0)::numeric) - GREATEST((of_hour.hour_before - of_hour.deducted), (0)::numeric)) AS to_charge
           FROM of_hour
        ), accumulated AS (
         SELECT charged.sn,
            charged.account,
            charged.instance_id,
            charged.product,
            charged.meter,
            charged.unit,
            charged.subject,
            charged.kind,
            charged.part,
            charged.hour,
            charged.begin_at,
            charged.end_at,
            charged.quantity,
            charged.events,
            charged.state,
            charged.code,
            charged.attempts,
            charged.submission_id,
            charged.settled_at,
            charged.window_ends,
            charged.late_ends,
            charged.expires,
            charged.frozen_at,
            charged.replaces,
            charged.shard,
            charged.seq,
            charged.checksum,
            charged.prev,
            charged.instance_no,
            charged.model,
            charged.currency,
            charged.bands,
            charged.free,
            charged.deducted,
            charged.expected,
            charged.begins,
            charged.period,
            charged.hour_before,
            charged.to_charge,
            COALESCE(sum(charged.to_charge) FILTER (WHERE charged.expected) OVER (PARTITION BY charged.instance_id, charged.instance_no, charged.period ORDER BY charged.begin_at, charged.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), (0)::numeric) AS before
           FROM charged
        )
 SELECT sn,
    account,
    instance_id,
    product,
    meter,
    unit,
    subject,
    kind,
    hour,
    begin_at,
    end_at,
    (date_trunc('month'::text, begins))::date AS month,
    state,
    expected,
    quantity,
    (quantity - to_charge) AS from_packages,
    model,
    currency,
    trim_scale(before) AS used_before,
    trim_scale(billing.charge((model)::text, bands, free, before, to_charge)) AS amount,
    bands,
    free
   FROM accumulated;

-- billing.revenue: What each bill record is expected to bring in, exactly; a record that is not expected shows what it would have brought in.

CREATE VIEW billing.revenue_by_month AS
 SELECT month,
    account,
    product,
    instance_id,
    subject,
    meter,
    unit,
    currency,
    count(*) AS records,
    sum(quantity) AS quantity,
    sum(amount) AS expected,
    sum(amount) FILTER (WHERE (state = 'billed'::text)) AS billed,
    count(*) FILTER (WHERE (amount IS NULL)) AS unpriced
   FROM billing.revenue
  WHERE expected
  GROUP BY month, account, product, instance_id, subject, meter, unit, currency;

-- billing.revenue_by_month: Expected revenue per month of the marketplace, instance and currency; sum it by product or customer.

CREATE VIEW billing.unbillable AS
 SELECT a.code AS account,
    i.instance_id,
    i.product,
    i.subject,
    m.code AS meter,
    m.unit,
    u.hour,
    u.quantity,
    u.reason
   FROM (((unbillable u
     JOIN instances i USING (instance_no))
     JOIN accounts a USING (account_no))
     JOIN meters m USING (meter_no));

-- billing.unbillable: Usage for which no second of its instance's life was left to bill.

CREATE VIEW billing.written_off AS
 SELECT q.account,
    'quarantine'::text AS what,
    q.reason,
    q.subject,
    q.meter,
    count(*) AS events,
    sum(e.quantity) AS quantity,
    max(q.written_off_at) AS written_off_at
   FROM (quarantine q
     JOIN events e USING (source_no, key))
  WHERE (q.written_off_at IS NOT NULL)
  GROUP BY q.account, q.reason, q.subject, q.meter
UNION ALL
 SELECT b.account,
    'record'::text AS what,
    c.kind AS reason,
    b.subject,
    b.meter,
    b.events,
    b.quantity,
    c.resolved_at AS written_off_at
   FROM (cases c
     JOIN billing.records b ON ((b.sn = c.ref)))
  WHERE (((c.resolution)::text = 'written_off'::text) AND starts_with((c.kind)::text, 'record_'::text));

-- billing.written_off: Usage that a person gave up, with a reason in the audit; account is null if an event names none.
