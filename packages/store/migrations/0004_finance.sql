-- Up Migration

-- Acts ----------------------------------------------------------------------------------------------------------

-- Who did what, and what it changed: written in the transaction of the act.
CREATE TABLE audit (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  at timestamptz NOT NULL,
  key_id text NOT NULL,
  act text NOT NULL,
  ref text NOT NULL,
  before jsonb,
  after jsonb
);
CREATE INDEX audit_ref ON audit (account_no, ref, audit_id);
CREATE TRIGGER audit_final BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Prices --------------------------------------------------------------------------------------------------------

-- What one meter of a product costs from a time on. Of several from one time the newest holds; none is ever changed.
CREATE TABLE price_plans (
  plan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  product text NOT NULL,
  meter_no integer NOT NULL REFERENCES meters,
  valid_from timestamptz NOT NULL,
  model text NOT NULL CHECK (model IN ('fixed', 'step', 'tier')),
  currency text NOT NULL,
  period text NOT NULL CHECK (period IN ('day', 'month', 'year', 'life')),
  free numeric NOT NULL CHECK (free >= 0 AND free < 'Infinity'),
  -- [{upTo, unitPrice}] as decimal texts, in rising order; the last upTo is null.
  bands jsonb NOT NULL,
  -- Where the marketplace's day begins, as minutes that it is ahead of UTC.
  day_offset_minutes smallint NOT NULL,
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

CREATE VIEW billing.revenue AS
-- Every window is of one instance_id, so that asking for some instances reads only theirs.
WITH priced AS (
  SELECT b.*, r.instance_no, p.model, p.currency, p.bands, p.free, COALESCE(d.quantity, 0) AS deducted,
    -- What was refused, void or replaced earns nothing; the others are expected to be billed.
    b.state IN ('frozen', 'sent', 'unknown', 'accepted', 'duplicate', 'missing', 'billed') AS expected,
    l.begins, CASE p.period WHEN 'life' THEN NULL ELSE date_trunc(COALESCE(p.period, 'month'), l.begins) END AS period
  FROM billing.records b
  JOIN records r USING (sn)
  JOIN instances i USING (instance_no)
  LEFT JOIN LATERAL (
    SELECT model, currency, bands, free, period, day_offset_minutes FROM price_plans p
    WHERE p.account_no = r.account_no AND p.product = b.product AND p.meter_no = i.meter_no AND p.valid_from <= r.begin_at
    ORDER BY p.valid_from DESC, p.plan_id DESC LIMIT 1
  ) p ON true
  LEFT JOIN LATERAL (
    SELECT sum(quantity) AS quantity FROM deductions d WHERE d.instance_no = r.instance_no AND d.hour = r.hour
  ) d ON true
  CROSS JOIN LATERAL (
    SELECT (r.begin_at AT TIME ZONE 'UTC') + make_interval(mins => COALESCE(p.day_offset_minutes, 0)) AS begins
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

CREATE VIEW billing.revenue_by_month AS
SELECT month, account, product, instance_id, subject, meter, unit, currency, count(*) AS records,
  sum(quantity) AS quantity, sum(amount) AS expected,
  sum(amount) FILTER (WHERE state = 'billed') AS billed, count(*) FILTER (WHERE amount IS NULL) AS unpriced
FROM billing.revenue WHERE expected
GROUP BY month, account, product, instance_id, subject, meter, unit, currency;

COMMENT ON VIEW billing.revenue IS
  'What each bill record is expected to bring in, exactly; a record that is not expected shows what it would have brought in.';
COMMENT ON VIEW billing.revenue_by_month IS
  'Expected revenue per month of the marketplace, instance and currency; sum it by product or customer.';

-- Statements of money -------------------------------------------------------------------------------------------

CREATE TABLE import_profiles (
  account_no smallint NOT NULL REFERENCES accounts,
  name text NOT NULL,
  profile jsonb NOT NULL,
  saved_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, name)
);

CREATE TABLE bill_lines (
  statement_id bigint NOT NULL REFERENCES statements,
  line integer NOT NULL,
  -- Of the bill it stands in, and of the usage it is for.
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
  PRIMARY KEY (statement_id, line)
);

ALTER TABLE findings DROP CONSTRAINT findings_kind_check,
  ADD CHECK (kind IN ('missing', 'extra', 'different', 'abnormal', 'late')),
  -- The money of it by the price plan; null where none is known. Worked out once, and again when a plan is added.
  ADD COLUMN at_stake numeric,
  ADD COLUMN currency text,
  ADD COLUMN valued_at timestamptz;
CREATE INDEX findings_unvalued ON findings (account_no) WHERE valued_at IS NULL;

-- Money that a bill shows otherwise than our records make it.
CREATE TABLE bill_findings (
  finding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no smallint NOT NULL REFERENCES accounts,
  kind text NOT NULL CHECK (kind IN ('missing', 'extra', 'different', 'late', 'refunded')),
  month date NOT NULL,
  scope text NOT NULL CHECK (scope IN ('record', 'instance', 'product')),
  key text NOT NULL,
  currency text NOT NULL,
  ours numeric,
  theirs numeric,
  statement_id bigint NOT NULL REFERENCES statements,
  found_at timestamptz NOT NULL,
  resolved_at timestamptz
);
CREATE UNIQUE INDEX bill_findings_open ON bill_findings (account_no, kind, month, scope, key, currency)
  WHERE resolved_at IS NULL;

-- Every difference with the money at stake: of quantities by the price plan, of bills as they are.
CREATE VIEW billing.findings AS
SELECT 'q' || f.finding_id AS id, f.kind, 'record' AS scope, a.code AS account, f.sn AS key, f.instance_id,
  f.begin_at AS since, f.ours, f.theirs, f.code, f.currency, f.at_stake, f.found_at, f.resolved_at, t.source AS statement
FROM findings f
JOIN accounts a USING (account_no)
JOIN statements t USING (statement_id)
UNION ALL
SELECT 'm' || f.finding_id, f.kind, f.scope, a.code, f.key, CASE WHEN f.scope = 'instance' THEN f.key END,
  f.month::timestamp AT TIME ZONE 'UTC', f.ours, f.theirs, NULL, f.currency,
  CASE WHEN f.kind = 'late' THEN 0 ELSE abs(COALESCE(f.theirs, 0) - COALESCE(f.ours, 0)) END,
  f.found_at, f.resolved_at, t.source
FROM bill_findings f
JOIN accounts a USING (account_no)
JOIN statements t USING (statement_id);

COMMENT ON VIEW billing.findings IS
  'What reconciliation found: quantities (scope record, ids q…) and money of bills (ids m…); at_stake is null where no price is known.';

-- Cases ---------------------------------------------------------------------------------------------------------

ALTER TABLE cases ADD COLUMN owner text, ADD COLUMN due_at timestamptz, ADD COLUMN resolution text;
CREATE INDEX cases_ref ON cases (account_no, ref);

CREATE TABLE case_history (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_id bigint NOT NULL REFERENCES cases,
  at timestamptz NOT NULL,
  -- The key of who acted; empty where the product did.
  key_id text NOT NULL,
  act text NOT NULL,
  detail jsonb NOT NULL
);
CREATE INDEX case_history_of ON case_history (case_id, entry_id);
CREATE TRIGGER case_history_final BEFORE UPDATE OR DELETE ON case_history
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Where cases begin: few rows of large tables.
CREATE INDEX submissions_refused ON submissions (account_no, shard, seq_from)
  WHERE state IN ('conflict', 'rejected_fixable', 'rejected_final', 'expired', 'abnormal');
CREATE INDEX outcomes_refused ON outcomes (sn)
  WHERE state IN ('conflict', 'rejected_fixable', 'rejected_final', 'expired', 'abnormal', 'missing');

CREATE VIEW billing.cases AS
SELECT c.case_id, a.code AS account, c.kind, c.ref, c.detail, c.owner, c.opened_at,
  COALESCE(c.due_at, c.opened_at + interval '1 day') AS due_at, c.resolved_at, c.resolution
FROM cases c JOIN accounts a USING (account_no);

COMMENT ON VIEW billing.cases IS 'What a person has to settle; resolved_at is null while a case stands.';

-- Corrections ---------------------------------------------------------------------------------------------------

-- A correcting event counts for the difference it makes: its own row of events and of its hour may be below 0.
ALTER TABLE events DROP CONSTRAINT events_quantity_check,
  ADD CONSTRAINT events_quantity_check CHECK (quantity > '-Infinity' AND quantity < 'Infinity');
ALTER TABLE hour_usage DROP CONSTRAINT hour_usage_quantity_check,
  ADD CONSTRAINT hour_usage_quantity_check CHECK (quantity > '-Infinity' AND quantity < 'Infinity');
-- An hour that takes back more than it adds is added to the totals as it is; they stay above 0 all the same.
ALTER TABLE usage_totals DROP CONSTRAINT usage_totals_quantity_check,
  ADD CONSTRAINT usage_totals_quantity_check CHECK (quantity > '-Infinity' AND quantity < 'Infinity');
-- A residue below 0 is a credit against coming usage.
ALTER TABLE residues DROP CONSTRAINT residues_residue_check,
  ADD CONSTRAINT residues_residue_check CHECK (residue > '-Infinity' AND residue < 'Infinity');

CREATE TABLE corrections (
  source_no integer NOT NULL,
  key uuid NOT NULL,
  -- The event that was mistaken: corrected once; after that, the correcting event is the one to correct.
  target_key uuid NOT NULL,
  -- What the usage is now, and what that made of its hour.
  quantity numeric NOT NULL CHECK (quantity >= 0 AND quantity < 'Infinity'),
  delta numeric NOT NULL,
  instance_no integer NOT NULL REFERENCES instances,
  bill_hour timestamptz NOT NULL,
  -- Its own time as it was sent: its row of events has that of the mistaken usage.
  said_at timestamptz NOT NULL,
  applied_at timestamptz NOT NULL,
  PRIMARY KEY (source_no, key),
  UNIQUE (source_no, target_key)
);
CREATE TRIGGER corrections_final BEFORE UPDATE OR DELETE ON corrections
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE INDEX quarantine_corrections ON quarantine (source_no, key)
  WHERE released_at IS NULL AND reason = 'correction_waits';

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

COMMENT ON VIEW billing.corrections IS 'What was cancelled or amended, by which event, and the hour that took the difference.';
COMMENT ON VIEW billing.credits IS
  'Instances that were billed more than they used: set against coming usage, or to be refunded where none can come.';

-- What finance reads, further -----------------------------------------------------------------------------------

CREATE VIEW billing.quarantine AS
SELECT a.code AS account, q.reason, q.subject, q.meter, count(*) AS events, sum(e.quantity) AS quantity,
  min(q.quarantined_at) AS since
FROM quarantine q JOIN accounts a USING (account_no) JOIN events e USING (source_no, key)
WHERE q.released_at IS NULL GROUP BY a.code, q.reason, q.subject, q.meter;

CREATE VIEW billing.unbillable AS
SELECT a.code AS account, i.instance_id, i.product, i.subject, m.code AS meter, m.unit, u.hour, u.quantity, u.reason
FROM unbillable u JOIN instances i USING (instance_no) JOIN accounts a USING (account_no) JOIN meters m USING (meter_no);

CREATE VIEW billing.hours AS
SELECT hour, bool_or(status = 'incomplete') AS incomplete, string_agg(DISTINCT NULLIF(reason, ''), '; ') AS reason,
  max(sealed_at) AS sealed_at, bool_and(frozen_at IS NOT NULL) AS filed
FROM hours GROUP BY hour;

CREATE VIEW billing.bill_lines AS
SELECT a.code AS account, t.source AS bill, t.taken_at, t.complete, b.line, b.month, b.usage_month, b.sn, b.instance_id,
  b.product, b.customer, b.order_id, b.quantity, b.amount, b.currency, b.refund
FROM bill_lines b JOIN statements t USING (statement_id) JOIN accounts a USING (account_no);

COMMENT ON VIEW billing.quarantine IS 'Acknowledged events that wait and are in no record yet.';
COMMENT ON VIEW billing.unbillable IS 'Usage for which no second of its instance''s life was left to bill.';
COMMENT ON VIEW billing.hours IS 'Hours that are sealed; incomplete where a source or collector was not heard.';
COMMENT ON VIEW billing.bill_lines IS 'Lines of transaction details and bills as they were imported.';

-- Reads these views and nothing else. Where this user may not make roles, an administrator does.
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
