-- Made by `npm run schema` from a migrated database. The migrations are the source; a test compares.

CREATE TABLE accounts (
  account_no smallint NOT NULL GENERATED ALWAYS AS IDENTITY,
  code text NOT NULL,
  marketplace text NOT NULL,
  site text NOT NULL,
  halted_code text,
  halted_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT accounts_pkey PRIMARY KEY (account_no),
  CONSTRAINT accounts_code_key UNIQUE (code)
);

CREATE TABLE api_keys (
  key_id text NOT NULL,
  account_no smallint NOT NULL,
  name text NOT NULL,
  role text NOT NULL,
  secret_sha256 bytea NOT NULL,
  created_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  CONSTRAINT api_keys_pkey PRIMARY KEY (key_id),
  CONSTRAINT api_keys_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT api_keys_role_check CHECK ((role = ANY (ARRAY['ingest'::text, 'operator'::text, 'finance'::text, 'auditor'::text]))),
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
  result text,
  code text,
  http_status integer,
  reply text,
  duration_ms integer,
  CONSTRAINT attempts_pkey PRIMARY KEY (submission_id, attempt),
  CONSTRAINT attempts_submission_id_fkey FOREIGN KEY (submission_id) REFERENCES submissions(submission_id)
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
  code text NOT NULL,
  detail text NOT NULL,
  reply text NOT NULL,
  duration_ms integer NOT NULL,
  ref text NOT NULL,
  rerun_of bigint,
  CONSTRAINT calls_pkey PRIMARY KEY (call_id),
  CONSTRAINT calls_rerun_of_fkey FOREIGN KEY (rerun_of) REFERENCES calls(call_id)
);

CREATE TABLE cases (
  case_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  kind text NOT NULL,
  ref text NOT NULL,
  detail text NOT NULL,
  opened_at timestamp with time zone NOT NULL,
  resolved_at timestamp with time zone,
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
  found_at timestamp with time zone NOT NULL,
  CONSTRAINT conflicts_pkey PRIMARY KEY (source_no, key, payload_hash)
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
  source_no integer NOT NULL,
  instance_no integer,
  key uuid NOT NULL,
  payload_hash uuid NOT NULL,
  occurred timestamp with time zone NOT NULL,
  received timestamp with time zone NOT NULL,
  bill_hour timestamp with time zone,
  quantity numeric,
  value text,
  id text,
  extensions jsonb,
  CONSTRAINT events_pkey PRIMARY KEY (source_no, key),
  CONSTRAINT events_check CHECK (((instance_no IS NULL) = (bill_hour IS NULL))),
  CONSTRAINT events_quantity_check CHECK (((quantity >= (0)::numeric) AND (quantity < 'Infinity'::numeric)))
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
  kind text NOT NULL,
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
  CONSTRAINT findings_pkey PRIMARY KEY (finding_id),
  CONSTRAINT findings_kind_check CHECK ((kind = ANY (ARRAY['missing'::text, 'extra'::text, 'different'::text, 'abnormal'::text]))),
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
  CONSTRAINT hooks_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT hooks_delivery_id_key UNIQUE (delivery_id)
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
  CONSTRAINT hour_usage_quantity_check CHECK (((quantity >= (0)::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE TABLE hours (
  hour timestamp with time zone NOT NULL,
  shard smallint NOT NULL,
  status text NOT NULL,
  reason text NOT NULL DEFAULT ''::text,
  sealed_at timestamp with time zone NOT NULL,
  frozen_through integer NOT NULL DEFAULT 0,
  frozen_at timestamp with time zone,
  CONSTRAINT hours_pkey PRIMARY KEY (hour, shard),
  CONSTRAINT hours_hour_check CHECK ((date_trunc('hour'::text, hour) = hour)),
  CONSTRAINT hours_status_check CHECK ((status = ANY (ARRAY['complete'::text, 'nothing'::text, 'incomplete'::text])))
);

CREATE TABLE instance_freezes (
  instance_no integer NOT NULL,
  frozen_from timestamp with time zone NOT NULL,
  frozen_to timestamp with time zone,
  CONSTRAINT instance_freezes_pkey PRIMARY KEY (instance_no, frozen_from),
  CONSTRAINT instance_freezes_check CHECK (((date_trunc('second'::text, frozen_to) = frozen_to) AND (frozen_to > frozen_from))),
  CONSTRAINT instance_freezes_frozen_from_check CHECK ((date_trunc('second'::text, frozen_from) = frozen_from)),
  CONSTRAINT instance_freezes_instance_no_fkey FOREIGN KEY (instance_no) REFERENCES instances(instance_no)
);

CREATE TABLE instances (
  instance_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  instance_id text NOT NULL,
  product text NOT NULL,
  meter_no integer NOT NULL,
  subject text NOT NULL,
  shard smallint NOT NULL,
  cycle text NOT NULL,
  opened timestamp with time zone NOT NULL,
  closed timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT instances_pkey PRIMARY KEY (instance_no),
  CONSTRAINT instances_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT instances_account_no_instance_id_key UNIQUE (account_no, instance_id),
  CONSTRAINT instances_check CHECK (((date_trunc('second'::text, closed) = closed) AND (closed > opened))),
  CONSTRAINT instances_cycle_check CHECK ((cycle = ANY (ARRAY['hourly'::text, 'daily'::text]))),
  CONSTRAINT instances_meter_no_fkey FOREIGN KEY (meter_no) REFERENCES meters(meter_no),
  CONSTRAINT instances_opened_check CHECK ((date_trunc('second'::text, opened) = opened)),
  CONSTRAINT instances_shard_check CHECK ((shard >= 0))
);

CREATE TABLE meters (
  meter_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  code text NOT NULL,
  aggregation text NOT NULL,
  unit text NOT NULL,
  scale smallint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT meters_pkey PRIMARY KEY (meter_no),
  CONSTRAINT meters_aggregation_check CHECK ((aggregation = ANY (ARRAY['sum'::text, 'count'::text, 'max'::text, 'unique'::text]))),
  CONSTRAINT meters_code_key UNIQUE (code),
  CONSTRAINT meters_scale_check CHECK (((scale >= 0) AND (scale <= 12)))
);

CREATE TABLE nonces (
  nonce_sha256 bytea NOT NULL,
  forget_at timestamp with time zone NOT NULL,
  CONSTRAINT nonces_pkey PRIMARY KEY (nonce_sha256)
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
  state text NOT NULL,
  code text,
  detail text NOT NULL DEFAULT ''::text,
  source text NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT outcomes_pkey PRIMARY KEY (outcome_id),
  CONSTRAINT outcomes_sn_fkey FOREIGN KEY (sn) REFERENCES records(sn),
  CONSTRAINT outcomes_source_check CHECK ((source = ANY (ARRAY['reply'::text, 'statement'::text, 'clock'::text, 'operator'::text])))
);

CREATE TABLE packages (
  package_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  subscription_no bigint NOT NULL,
  account_no smallint NOT NULL,
  subject text NOT NULL,
  meter_no integer NOT NULL,
  quota numeric NOT NULL,
  reset_rule text NOT NULL,
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
  CONSTRAINT packages_reset_rule_check CHECK ((reset_rule = ANY (ARRAY['none'::text, 'monthly'::text, 'yearly'::text]))),
  CONSTRAINT packages_subscription_no_fkey FOREIGN KEY (subscription_no) REFERENCES subscriptions(subscription_no),
  CONSTRAINT packages_subscription_no_meter_no_key UNIQUE (subscription_no, meter_no)
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
  mode text NOT NULL,
  meter_no integer,
  cycle text NOT NULL,
  reset_rule text NOT NULL DEFAULT 'none'::text,
  deduction_order smallint NOT NULL DEFAULT 0,
  front_end_url text,
  admin_url text,
  dashboard_url text,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT products_pkey PRIMARY KEY (account_no, product_id),
  CONSTRAINT products_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT products_check CHECK (((mode = 'pay_per_use'::text) = (meter_no IS NOT NULL))),
  CONSTRAINT products_cycle_check CHECK ((cycle = ANY (ARRAY['hourly'::text, 'daily'::text]))),
  CONSTRAINT products_meter_no_fkey FOREIGN KEY (meter_no) REFERENCES meters(meter_no),
  CONSTRAINT products_mode_check CHECK ((mode = ANY (ARRAY['pay_per_use'::text, 'package'::text, 'stop_package'::text, 'per_use'::text, 'period'::text]))),
  CONSTRAINT products_reset_rule_check CHECK ((reset_rule = ANY (ARRAY['none'::text, 'monthly'::text, 'yearly'::text])))
);

CREATE TABLE quarantine (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  account_no smallint NOT NULL,
  reason text NOT NULL,
  subject text NOT NULL,
  meter text NOT NULL,
  raw bytea,
  quarantined_at timestamp with time zone NOT NULL,
  released_at timestamp with time zone,
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

CREATE TABLE records (
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  sn text NOT NULL,
  kind text NOT NULL,
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
  CONSTRAINT records_pkey PRIMARY KEY (account_no, shard, seq),
  CONSTRAINT records_check CHECK ((end_at > begin_at)),
  CONSTRAINT records_instance_no_begin_at_end_at_part_key UNIQUE (instance_no, begin_at, end_at, part),
  CONSTRAINT records_instance_no_fkey FOREIGN KEY (instance_no) REFERENCES instances(instance_no),
  CONSTRAINT records_kind_check CHECK ((kind = ANY (ARRAY['usage'::text, 'supplement'::text, 'rereport'::text]))),
  CONSTRAINT records_quantity_check CHECK (((quantity > (0)::numeric) AND (quantity < 'Infinity'::numeric))),
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
  CONSTRAINT rereports_pkey PRIMARY KEY (request_id),
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
  CONSTRAINT residues_instance_no_fkey FOREIGN KEY (instance_no) REFERENCES instances(instance_no),
  CONSTRAINT residues_residue_check CHECK ((residue >= (0)::numeric))
);

CREATE TABLE shards (
  shard smallint NOT NULL,
  sealed_before timestamp with time zone NOT NULL,
  CONSTRAINT shards_pkey PRIMARY KEY (shard),
  CONSTRAINT shards_sealed_before_check CHECK ((date_trunc('hour'::text, sealed_before) = sealed_before))
);

CREATE TABLE sources (
  source_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  source text NOT NULL,
  CONSTRAINT sources_pkey PRIMARY KEY (source_no),
  CONSTRAINT sources_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT sources_account_no_source_key UNIQUE (account_no, source)
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
  state text NOT NULL,
  code text,
  CONSTRAINT statement_lines_pkey PRIMARY KEY (statement_id, line),
  CONSTRAINT statement_lines_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'normal'::text, 'abnormal'::text, 'billed'::text]))),
  CONSTRAINT statement_lines_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES statements(statement_id)
);

CREATE TABLE statements (
  statement_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  source text NOT NULL,
  complete boolean NOT NULL,
  lines integer NOT NULL,
  taken_at timestamp with time zone NOT NULL,
  CONSTRAINT statements_pkey PRIMARY KEY (statement_id),
  CONSTRAINT statements_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no)
);

CREATE TABLE submissions (
  submission_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq_from bigint NOT NULL,
  seq_to bigint NOT NULL,
  parent bigint,
  state text NOT NULL,
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
  kind text NOT NULL,
  order_ref text NOT NULL DEFAULT ''::text,
  detail jsonb NOT NULL DEFAULT '{}'::jsonb,
  at timestamp with time zone NOT NULL,
  CONSTRAINT subscription_events_pkey PRIMARY KEY (event_id),
  CONSTRAINT subscription_events_kind_check CHECK ((kind = ANY (ARRAY['opened'::text, 'refreshed'::text, 'frozen'::text, 'unfrozen'::text, 'upgraded'::text, 'released'::text]))),
  CONSTRAINT subscription_events_subscription_no_fkey FOREIGN KEY (subscription_no) REFERENCES subscriptions(subscription_no)
);

CREATE TABLE subscriptions (
  subscription_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_no smallint NOT NULL,
  instance_id text NOT NULL,
  order_id text NOT NULL,
  item text NOT NULL,
  version text NOT NULL,
  state text NOT NULL,
  waits_for text,
  product_id text,
  mode text,
  customer_id text,
  customer_name text,
  terms jsonb NOT NULL DEFAULT '{}'::jsonb,
  expires timestamp with time zone,
  provided jsonb,
  subject text,
  opened timestamp with time zone,
  frozen_at timestamp with time zone,
  frozen_why text,
  released_at timestamp with time zone,
  same_as bigint,
  received_at timestamp with time zone NOT NULL,
  next_try timestamp with time zone,
  tries integer NOT NULL DEFAULT 0,
  CONSTRAINT subscriptions_pkey PRIMARY KEY (subscription_no),
  CONSTRAINT subscriptions_account_no_fkey FOREIGN KEY (account_no) REFERENCES accounts(account_no),
  CONSTRAINT subscriptions_account_no_instance_id_key UNIQUE (account_no, instance_id),
  CONSTRAINT subscriptions_account_no_order_id_item_version_key UNIQUE (account_no, order_id, item, version),
  CONSTRAINT subscriptions_frozen_why_check CHECK ((frozen_why = ANY (ARRAY['status'::text, 'expired'::text]))),
  CONSTRAINT subscriptions_mode_check CHECK ((mode = ANY (ARRAY['pay_per_use'::text, 'package'::text, 'stop_package'::text, 'per_use'::text, 'period'::text]))),
  CONSTRAINT subscriptions_same_as_fkey FOREIGN KEY (same_as) REFERENCES subscriptions(subscription_no),
  CONSTRAINT subscriptions_state_check CHECK ((state = ANY (ARRAY['opening'::text, 'active'::text, 'frozen'::text, 'released'::text, 'same'::text]))),
  CONSTRAINT subscriptions_version_check CHECK ((version = ANY (ARRAY['v1'::text, 'v2'::text])))
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
  CONSTRAINT usage_totals_quantity_check CHECK (((quantity >= (0)::numeric) AND (quantity < 'Infinity'::numeric)))
);

CREATE INDEX calls_failed ON public.calls USING btree (account_no, call_id) WHERE (code <> '000000'::text);
CREATE INDEX calls_ref ON public.calls USING btree (account_no, ref, call_id);
CREATE UNIQUE INDEX cases_open ON public.cases USING btree (account_no, kind, ref) WHERE (resolved_at IS NULL);
CREATE INDEX events_occurred ON public.events USING brin (occurred);
CREATE UNIQUE INDEX findings_open ON public.findings USING btree (account_no, kind, sn) WHERE (resolved_at IS NULL);
CREATE INDEX hooks_due ON public.hooks USING btree (next_at) WHERE (delivered_at IS NULL);
CREATE INDEX hours_to_freeze ON public.hours USING btree (shard, hour) WHERE (frozen_at IS NULL);
CREATE UNIQUE INDEX instance_freezes_open ON public.instance_freezes USING btree (instance_no) WHERE (frozen_to IS NULL);
CREATE INDEX instances_binding ON public.instances USING btree (account_no, subject, meter_no, opened);
CREATE INDEX outcomes_sn ON public.outcomes USING btree (sn, outcome_id);
CREATE INDEX packages_of ON public.packages USING btree (account_no, subject, meter_no);
CREATE INDEX quarantine_waiting ON public.quarantine USING btree (account_no, subject, meter) WHERE (released_at IS NULL);
CREATE INDEX records_hour ON public.records USING btree (hour, instance_no);
CREATE INDEX records_replaces ON public.records USING btree (replaces) WHERE (replaces IS NOT NULL);
CREATE UNIQUE INDEX rereports_open ON public.rereports USING btree (sn) WHERE (done_at IS NULL);
CREATE UNIQUE INDEX reruns_open ON public.reruns USING btree (call_id) WHERE (done_at IS NULL);
CREATE INDEX statement_lines_sn ON public.statement_lines USING btree (sn, statement_id);
CREATE INDEX submissions_due ON public.submissions USING btree (deadline, submission_id) WHERE (state = ANY (ARRAY['frozen'::text, 'sent'::text, 'unknown'::text]));
CREATE INDEX submissions_range ON public.submissions USING btree (account_no, shard, seq_from, seq_to);
CREATE INDEX submissions_unsettled ON public.submissions USING btree (account_no, deadline) WHERE (state = ANY (ARRAY['accepted'::text, 'duplicate'::text]));
CREATE INDEX subscription_events_of ON public.subscription_events USING btree (subscription_no, event_id);
CREATE UNIQUE INDEX subscription_events_once ON public.subscription_events USING btree (subscription_no, kind, order_ref) WHERE (order_ref <> ''::text);
CREATE INDEX subscriptions_customer ON public.subscriptions USING btree (account_no, customer_id);
CREATE INDEX subscriptions_due ON public.subscriptions USING btree (next_try) WHERE (state = 'opening'::text);
CREATE UNIQUE INDEX subscriptions_on_demand ON public.subscriptions USING btree (account_no, order_id, product_id) WHERE ((mode = 'pay_per_use'::text) AND (state <> 'same'::text));

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
BEGIN
  IF EXISTS (SELECT 1 FROM shards WHERE shard = COALESCE(NEW.shard, OLD.shard)
             AND sealed_before > COALESCE(NEW.bill_hour, OLD.bill_hour)) THEN
    RAISE EXCEPTION 'hour % of shard % is sealed: % refused', COALESCE(NEW.bill_hour, OLD.bill_hour),
      COALESCE(NEW.shard, OLD.shard), TG_OP USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $function$;

CREATE TRIGGER hour_usage_sealed BEFORE INSERT OR DELETE OR UPDATE ON public.hour_usage FOR EACH ROW EXECUTE FUNCTION refuse_sealed_usage();
CREATE TRIGGER outcomes_final BEFORE DELETE OR UPDATE ON public.outcomes FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER records_final BEFORE DELETE OR UPDATE ON public.records FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER residues_final BEFORE DELETE OR UPDATE ON public.residues FOR EACH ROW EXECUTE FUNCTION refuse_change();

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
            ELSE COALESCE(o.state, s.state)
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
          WHERE ((s_1.account_no = r.account_no) AND (s_1.shard = r.shard) AND (s_1.seq_to >= r.seq) AND ((s_1.seq_from >= (r.seq - 10000)) AND (s_1.seq_from <= r.seq)) AND (s_1.state <> 'split'::text))
          ORDER BY s_1.submission_id DESC
         LIMIT 1) s ON (true))
     LEFT JOIN LATERAL ( SELECT o_1.state,
            o_1.code,
            o_1.at
           FROM outcomes o_1
          WHERE (o_1.sn = r.sn)
          ORDER BY o_1.outcome_id DESC
         LIMIT 1) o ON (true));

-- billing.records: One row per bill record with its present state.
