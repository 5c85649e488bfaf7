-- Up Migration

-- Statements of money ------------------------------------------------------------------------------------------

-- The time that a bill covers: apart from range_from and range_to, by which a list of records proves absence.
ALTER TABLE statements ADD COLUMN bill_from timestamptz, ADD COLUMN bill_to timestamptz,
  -- A whole bill that covers at least as much: what stands in both counts once.
  ADD COLUMN superseded_by bigint REFERENCES statements;
CREATE INDEX statements_bills ON statements (account_no, bill_from) WHERE bill_from IS NOT NULL;
ALTER TABLE bill_lines ADD COLUMN begin_at timestamptz, ADD COLUMN end_at timestamptz;
CREATE INDEX bill_lines_usage ON bill_lines (usage_month);

CREATE OR REPLACE VIEW billing.bill_lines AS
SELECT a.code AS account, t.source AS bill, t.taken_at, t.complete, b.line, b.month, b.usage_month, b.sn, b.instance_id,
  b.product, b.customer, b.order_id, b.quantity, b.amount, b.currency, b.refund,
  b.statement_id AS bill_no, b.begin_at, b.end_at, t.superseded_by IS NOT NULL AS superseded
FROM bill_lines b JOIN statements t USING (statement_id) JOIN accounts a USING (account_no);

COMMENT ON VIEW billing.bill_lines IS
  'Lines of transaction details and bills as they were imported; superseded ones stand in a later, wider bill again.';

-- A person settled it, with a reason in the audit: the same difference found again is no news.
ALTER TABLE findings ADD COLUMN settled boolean NOT NULL DEFAULT false;
ALTER TABLE bill_findings ADD COLUMN settled boolean NOT NULL DEFAULT false;
CREATE INDEX corrections_hour ON corrections (bill_hour);
CREATE INDEX findings_settled ON findings (account_no, kind, sn) WHERE settled;

-- Re-reports ---------------------------------------------------------------------------------------------------

-- Another interval than that of the record: only where the marketplace showed that it is void (SPEC 7).
ALTER TABLE rereports ADD COLUMN begin_at timestamptz, ADD COLUMN end_at timestamptz,
  ADD CHECK ((begin_at IS NULL) = (end_at IS NULL) AND begin_at < end_at),
  ADD CHECK (date_trunc('second', begin_at) = begin_at AND date_trunc('second', end_at) = end_at);

-- Quarantine ---------------------------------------------------------------------------------------------------

-- Given up by a person, with a reason in the audit: kept as it came, never counted.
ALTER TABLE quarantine ADD COLUMN written_off_at timestamptz;

CREATE OR REPLACE VIEW billing.quarantine AS
SELECT a.code AS account, q.reason, q.subject, q.meter, count(*) AS events, sum(e.quantity) AS quantity,
  min(q.quarantined_at) AS since
FROM quarantine q JOIN accounts a USING (account_no) JOIN events e USING (source_no, key)
WHERE q.released_at IS NULL AND q.written_off_at IS NULL GROUP BY a.code, q.reason, q.subject, q.meter;

CREATE VIEW billing.written_off AS
SELECT a.code AS account, 'quarantine' AS what, q.reason, q.subject, q.meter, count(*) AS events,
  sum(e.quantity) AS quantity, max(q.written_off_at) AS written_off_at
FROM quarantine q JOIN accounts a USING (account_no) JOIN events e USING (source_no, key)
WHERE q.written_off_at IS NOT NULL GROUP BY a.code, q.reason, q.subject, q.meter
UNION ALL
SELECT b.account, 'record', c.kind, b.subject, b.meter, b.events, b.quantity, c.resolved_at
FROM cases c JOIN billing.records b ON b.sn = c.ref
WHERE c.resolution = 'written_off' AND starts_with(c.kind, 'record_');

COMMENT ON VIEW billing.written_off IS 'Usage that a person gave up, with a reason in the audit.';
