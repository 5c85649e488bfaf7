-- Up Migration

-- What is sold --------------------------------------------------------------------------------------------------

CREATE TABLE products (
  account_no smallint NOT NULL REFERENCES accounts,
  product_id text NOT NULL,
  mode text NOT NULL CHECK (mode IN ('pay_per_use', 'package', 'stop_package', 'per_use', 'period')),
  -- The billing item of a pay-per-use product; a package's items are its contents.
  meter_no integer REFERENCES meters,
  cycle text NOT NULL CHECK (cycle IN ('hourly', 'daily')),
  reset_rule text NOT NULL DEFAULT 'none' CHECK (reset_rule IN ('none', 'monthly', 'yearly')),
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

-- Orders --------------------------------------------------------------------------------------------------------

-- What the order query answered, whole.
CREATE TABLE orders (
  account_no smallint NOT NULL REFERENCES accounts,
  order_id text NOT NULL,
  line text NOT NULL,
  reply text NOT NULL,
  fetched_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, order_id, line)
);

-- One thing bought, in any selling mode. Its first businessId is its instance id for ever.
CREATE TABLE subscriptions (
  subscription_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  instance_id text NOT NULL,
  order_id text NOT NULL,
  -- V2.0: the order line. V1.0: the product, as one order asks for several.
  item text NOT NULL,
  version text NOT NULL CHECK (version IN ('v1', 'v2')),
  state text NOT NULL CHECK (state IN ('opening', 'active', 'frozen', 'released', 'same')),
  -- Why it is not open yet; null where nothing hinders it.
  waits_for text,
  product_id text,
  mode text CHECK (mode IN ('pay_per_use', 'package', 'stop_package', 'per_use', 'period')),
  customer_id text,
  customer_name text,
  -- What the call or the order said beyond that.
  terms jsonb NOT NULL DEFAULT '{}',
  expires timestamptz,
  -- Set when the seller's service is there: the answer of its hook, or the template.
  provided jsonb,
  subject text,
  opened timestamptz,
  frozen_at timestamptz,
  frozen_why text CHECK (frozen_why IN ('status', 'expired')),
  released_at timestamptz,
  -- The other line of the same order that asked for the same pay-per-use product.
  same_as bigint REFERENCES subscriptions,
  received_at timestamptz NOT NULL,
  -- Real time: the next try to open it, and who tries now.
  next_try timestamptz,
  tries integer NOT NULL DEFAULT 0,
  UNIQUE (account_no, instance_id),
  UNIQUE (account_no, order_id, item, version)
);
-- Pay-per-use is one instance by order and product (koogallery.md 3.2, 3.6).
CREATE UNIQUE INDEX subscriptions_on_demand ON subscriptions (account_no, order_id, product_id)
  WHERE mode = 'pay_per_use' AND state <> 'same';
CREATE INDEX subscriptions_due ON subscriptions (next_try) WHERE state = 'opening';
CREATE INDEX subscriptions_customer ON subscriptions (account_no, customer_id);

-- What happened to it, each thing once: a repeated call finds its row and changes nothing.
CREATE TABLE subscription_events (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscription_no bigint NOT NULL REFERENCES subscriptions,
  kind text NOT NULL CHECK (kind IN ('opened', 'refreshed', 'frozen', 'unfrozen', 'upgraded', 'released')),
  -- The order behind it, empty where the call names none.
  order_ref text NOT NULL DEFAULT '',
  detail jsonb NOT NULL DEFAULT '{}',
  at timestamptz NOT NULL
);
CREATE UNIQUE INDEX subscription_events_once ON subscription_events (subscription_no, kind, order_ref)
  WHERE order_ref <> '';
CREATE INDEX subscription_events_of ON subscription_events (subscription_no, event_id);

-- When usage of an instance is not billed; frozen_to is null while it lasts.
CREATE TABLE instance_freezes (
  instance_no integer NOT NULL REFERENCES instances,
  frozen_from timestamptz NOT NULL CHECK (date_trunc('second', frozen_from) = frozen_from),
  frozen_to timestamptz CHECK (date_trunc('second', frozen_to) = frozen_to AND frozen_to > frozen_from),
  PRIMARY KEY (instance_no, frozen_from)
);
CREATE UNIQUE INDEX instance_freezes_open ON instance_freezes (instance_no) WHERE frozen_to IS NULL;

-- What a person has to settle: never guessed, never dropped.
CREATE TABLE cases (
  case_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  kind text NOT NULL,
  ref text NOT NULL,
  detail text NOT NULL,
  opened_at timestamptz NOT NULL,
  resolved_at timestamptz
);
CREATE UNIQUE INDEX cases_open ON cases (account_no, kind, ref) WHERE resolved_at IS NULL;

-- Packages ------------------------------------------------------------------------------------------------------

-- A bought package, one row an item. Never deleted: a release only deactivates it.
CREATE TABLE packages (
  package_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscription_no bigint NOT NULL REFERENCES subscriptions,
  account_no smallint NOT NULL REFERENCES accounts,
  subject text NOT NULL,
  meter_no integer NOT NULL REFERENCES meters,
  quota numeric NOT NULL CHECK (quota > 0 AND quota < 'Infinity'),
  reset_rule text NOT NULL CHECK (reset_rule IN ('none', 'monthly', 'yearly')),
  deduction_order smallint NOT NULL,
  stops boolean NOT NULL,
  starts timestamptz NOT NULL,
  expires timestamptz,
  deactivated_at timestamptz,
  -- Told to the seller, for the period that began then.
  warned_period timestamptz,
  used_up_period timestamptz,
  UNIQUE (subscription_no, meter_no)
);
CREATE INDEX packages_of ON packages (account_no, subject, meter_no);

-- What sealed usage was taken from a package; usage that no package holds has no row.
CREATE TABLE deductions (
  package_no bigint NOT NULL REFERENCES packages,
  instance_no integer NOT NULL REFERENCES instances,
  hour timestamptz NOT NULL,
  -- The begin of the package's period that it counts in.
  period timestamptz NOT NULL,
  quantity numeric NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
  PRIMARY KEY (package_no, instance_no, hour)
);

-- Cumulative usage of an instance over sealed hours, up to its shard's mark.
CREATE TABLE usage_totals (
  instance_no integer PRIMARY KEY REFERENCES instances,
  quantity numeric NOT NULL CHECK (quantity >= 0 AND quantity < 'Infinity')
);
CREATE TABLE usage_total_marks (
  shard smallint PRIMARY KEY,
  -- Hours that begin before this are in the totals and in the deductions.
  through timestamptz NOT NULL
);

-- Calls ---------------------------------------------------------------------------------------------------------

CREATE TABLE nonces (
  nonce_sha256 bytea PRIMARY KEY,
  -- Real time after which a call with this nonce is too old anyway.
  forget_at timestamptz NOT NULL
);

CREATE TABLE calls (
  call_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL,
  version text NOT NULL,
  activity text NOT NULL,
  test boolean NOT NULL,
  -- Real time.
  received timestamptz NOT NULL,
  query text NOT NULL,
  body text NOT NULL,
  -- Whether one of our keys signed it; only such a call can be run again.
  authentic boolean NOT NULL,
  code text NOT NULL,
  detail text NOT NULL,
  reply text NOT NULL,
  duration_ms integer NOT NULL,
  ref text NOT NULL,
  rerun_of bigint REFERENCES calls
);
CREATE INDEX calls_ref ON calls (account_no, ref, call_id);
CREATE INDEX calls_failed ON calls (account_no, call_id) WHERE code <> '000000';

CREATE TABLE reruns (
  rerun_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  call_id bigint NOT NULL REFERENCES calls,
  key_id text NOT NULL,
  asked_at timestamptz NOT NULL,
  done_at timestamptz,
  code text
);
CREATE UNIQUE INDEX reruns_open ON reruns (call_id) WHERE done_at IS NULL;

-- Instances of debugging calls: apart from all production rows.
CREATE TABLE debug_instances (
  account_no smallint NOT NULL REFERENCES accounts,
  order_id text NOT NULL,
  item text NOT NULL,
  instance_id text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, order_id, item)
);

-- Hooks ---------------------------------------------------------------------------------------------------------

CREATE TABLE hooks (
  hook_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  -- One thing is told under one id however often it is sent.
  delivery_id text NOT NULL UNIQUE,
  kind text NOT NULL,
  ref text NOT NULL,
  payload text NOT NULL,
  created_at timestamptz NOT NULL,
  -- Real time.
  next_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  delivered_at timestamptz,
  reply jsonb
);
CREATE INDEX hooks_due ON hooks (next_at) WHERE delivered_at IS NULL;
CREATE INDEX hooks_waiting ON hooks (ref, hook_id) WHERE delivered_at IS NULL;
