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
