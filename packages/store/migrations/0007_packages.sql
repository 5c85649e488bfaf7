-- Up Migration

-- The stop-before-excess package that a record is taken from: relate_pkg_instance of its wire bytes.
ALTER TABLE records ADD COLUMN package_instance text;

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
