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
    PARTITION BY instance_no, hour ORDER BY begin_at, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS hour_before
  FROM priced
), charged AS (
  SELECT *, greatest(hour_before + quantity - deducted, 0) - greatest(hour_before - deducted, 0) AS to_charge FROM of_hour
), accumulated AS (
  SELECT *, COALESCE(sum(to_charge) FILTER (WHERE expected) OVER (
    PARTITION BY instance_no, period ORDER BY begin_at, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
  FROM charged
)
SELECT sn, account, instance_id, product, meter, unit, subject, kind, hour, begin_at, end_at,
  date_trunc('month', begins)::date AS month, state, expected, quantity, quantity - to_charge AS from_packages, model, currency,
  trim_scale(before) AS used_before, trim_scale(billing.charge(model, bands, free, before, to_charge)) AS amount
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
