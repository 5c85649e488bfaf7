-- Up Migration

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
  kind text NOT NULL,
  quantity numeric NOT NULL,
  records bigint NOT NULL,
  PRIMARY KEY (account_no, number, product, meter, unit, kind),
  FOREIGN KEY (account_no, number) REFERENCES manifests
);

-- What each instance's hour was made of when it was proven; sn is its first record, null where nothing was filed.
-- Further parts share it, a re-report has that of the record it replaces.
CREATE TABLE record_proofs (
  hour timestamptz NOT NULL,
  instance_no integer NOT NULL REFERENCES instances,
  sn text REFERENCES records (sn),
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

-- The events of an hour are read by when they occurred: new pages must be in the index without waiting for a vacuum.
ALTER INDEX events_occurred SET (autosummarize = on);

CREATE VIEW billing.manifests AS
SELECT a.code AS account, m.number, m.hour, m.hash, m.key_id, m.signature, m.canonical, m.made_at,
  (SELECT count(*) FROM anchors n WHERE n.account_no = m.account_no AND n.number = m.number) AS anchors
FROM manifests m JOIN accounts a USING (account_no);

CREATE VIEW billing.hour_totals AS
SELECT a.code AS account, m.hour, t.product, t.meter, t.unit, t.kind, t.quantity, t.records
FROM manifest_totals t JOIN manifests m USING (account_no, number) JOIN accounts a USING (account_no);

COMMENT ON VIEW billing.manifests IS 'The signed manifest of each hour and account.';
COMMENT ON VIEW billing.hour_totals IS 'What was filed, by hour, product, meter and kind of record, as the manifests sign it.';
