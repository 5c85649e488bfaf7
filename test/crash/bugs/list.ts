/** A plausible bug: one change of the compiled product, and the scenario that must detect it. */
export interface SeededBug {
  name: string;
  /** The rule that it breaks, by its number in failures.md 2. */
  rule: string;
  /** Relative to the product's folder. */
  file: string;
  /** Must occur exactly once. */
  find: string;
  replace: string;
  scenario: "pipeline" | "redis" | "journal" | "deadlock";
}

const BATCH = "services/aggregator/dist/batch.js";
const RECORD = "packages/domain/dist/billing/record.js";

export const BUGS: SeededBug[] = [
  {
    name: "duplicates are counted",
    rule: "R3",
    file: BATCH,
    find: ".filter((_, at) => !already.has(at))",
    replace: "",
    scenario: "pipeline",
  },
  {
    name: "repeats within a batch are counted",
    rule: "R3",
    file: BATCH,
    find: "(isRepeat ? repeats : first).push(one);",
    replace: "first.push(one);",
    scenario: "pipeline",
  },
  {
    name: "conflicts are silent",
    rule: "R4",
    file: BATCH,
    find: "await insertConflicts(db, conflicting, now);",
    replace: "",
    scenario: "pipeline",
  },
  {
    name: "no receipt",
    rule: "R3",
    file: BATCH,
    find: "await insertReceipt(db, receipt, heardIn(bound), now);",
    replace: "",
    scenario: "pipeline",
  },
  {
    name: "a dropped await before the commit",
    rule: "R5",
    file: BATCH,
    find: "await addUsage(db,",
    replace: "setTimeout(() => {}, 0), void (db,",
    scenario: "pipeline",
  },
  {
    name: "an unsorted batch",
    rule: "R3",
    file: BATCH,
    find: "return events.sort((a, b) => a.sourceNo - b.sourceNo || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));",
    replace: "return events;",
    scenario: "deadlock",
  },
  {
    name: "late usage goes into its sealed hour",
    rule: "R6",
    file: "services/aggregator/dist/bind.js",
    find: "Math.max(hourOf(time), open)",
    replace: "hourOf(time)",
    scenario: "pipeline",
  },
  {
    name: "released usage is not added",
    rule: "R5",
    file: "services/aggregator/dist/release.js",
    find: "await addUsage(db,",
    replace: "void (db,",
    scenario: "pipeline",
  },
  {
    name: "float sums",
    rule: "R11",
    file: "packages/domain/dist/usage/meter.js",
    find: "addDecimals(...members.map((event) => event.quantity))",
    replace: "String(members.reduce((sum, event) => sum + Number(event.quantity), 0))",
    scenario: "pipeline",
  },
  {
    name: "identity with a server-made value",
    rule: "R4",
    file: "packages/domain/dist/usage/identity.js",
    find: '.update(id, "utf8")',
    replace: '.update(id + process.hrtime.bigint(), "utf8")',
    scenario: "pipeline",
  },
  {
    name: "a new serial number on each try",
    rule: "R7",
    file: RECORD,
    find: '"sn-v1",',
    replace: '"sn-v1" + process.hrtime.bigint(),',
    scenario: "pipeline",
  },
  {
    name: "the chain keeps its first link",
    rule: "R15",
    file: RECORD,
    find: "prev = record.checksum;",
    replace: "",
    scenario: "pipeline",
  },
  {
    name: "residue is dropped",
    rule: "R11",
    file: "packages/domain/dist/placement/plan.js",
    find: "const total = addDecimals(usage.quantity, usage.residue);\n    // More was",
    replace: "const total = usage.quantity;\n    // More was",
    scenario: "pipeline",
  },
  {
    name: "a maximum is added whole each time",
    rule: "R3",
    file: "packages/store/dist/usage/standing.js",
    find: "value - previous AS added",
    replace: "value AS added",
    scenario: "pipeline",
  },
  {
    name: "unknown counts as success",
    rule: "R8",
    file: "services/reporter/dist/verdict.js",
    find: 'state: after("unknown"),',
    replace: 'state: "accepted",',
    scenario: "pipeline",
  },
  {
    name: "already there is a conflict in a call of its own",
    rule: "R8",
    file: "services/reporter/dist/verdict.js",
    find: "Math.max(attempt, sends?.get(serialNumber) ?? 1)",
    replace: "attempt",
    scenario: "pipeline",
  },
  {
    name: "other bytes on a resend",
    rule: "R7",
    file: "services/reporter/dist/submit.js",
    find: "records.map(({ sn, wire, wireVersion, product }) => ({",
    replace:
      'records.map(({ sn, wire: bytes, wireVersion, product }, _at, _all, wire = claim.attempt > 1 ? bytes.replace(/"usage_value":"\\d/, "$&1") : bytes) => ({',
    scenario: "pipeline",
  },
  {
    name: "sent before the intent is written",
    rule: "R7",
    file: "packages/store/dist/records/submissions.js",
    find: "SELECT submission_id, attempts, fence, $1::timestamptz, $2::timestamptz FROM claimed",
    replace:
      "SELECT submission_id, attempts, fence, $1::timestamptz, $2::timestamptz FROM claimed WHERE false",
    scenario: "pipeline",
  },
  {
    name: "no fence",
    rule: "R9",
    file: "packages/store/dist/records/submissions.js",
    find: "lease_until = NULL, settled_at = $7::timestamptz\n     WHERE submission_id = $1::bigint AND fence = $2::integer",
    replace:
      "lease_until = NULL, settled_at = $7::timestamptz\n     WHERE submission_id = $1::bigint AND $2::integer > 0",
    scenario: "pipeline",
  },
  {
    name: "a session lock",
    rule: "R9",
    file: "packages/store/dist/usage/hours.js",
    find: "SELECT pg_advisory_xact_lock($1::integer, $2::integer)",
    replace: "SELECT pg_advisory_lock($1::integer, $2::integer)",
    scenario: "pipeline",
  },
  {
    name: "an hour is sealed before it ends",
    rule: "R6",
    file: "services/reporter/dist/seal.js",
    find: "clock.now() < hour + HOUR + rule.grace",
    replace: "clock.now() < hour + rule.grace",
    scenario: "pipeline",
  },
  {
    name: "appendfsync everysec is trusted",
    rule: "R1",
    file: "packages/queue/dist/durability.js",
    find: 'appendfsync: "always"',
    replace: 'appendfsync: "everysec"',
    scenario: "redis",
  },
  {
    name: "the journal is not synced",
    rule: "R1",
    file: "services/collector/dist/journal/journal.js",
    find: 'await faultPoint("collector.beforeJournalSync");\n        await sync(handle);',
    replace: "",
    scenario: "journal",
  },
  {
    name: "a number of the journal is given twice",
    rule: "R2",
    file: "services/collector/dist/journal/journal.js",
    find: "highest === 0 ? 1 : highest + START_GAP",
    replace: "1",
    scenario: "journal",
  },
];
