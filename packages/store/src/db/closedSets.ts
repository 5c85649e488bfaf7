import {
  AGGREGATIONS,
  BILL_FINDING_KINDS,
  BILL_SCOPES,
  BILLING_CYCLES,
  CASE_ACTS,
  CASE_KINDS,
  CASE_RESOLUTIONS,
  HOUR_STATUSES,
  KEY_ROLES,
  KEY_STATES,
  LIFE_EVENT_KINDS,
  OUTCOME_SOURCES,
  PRICE_MODELS,
  PRICE_PERIODS,
  QUARANTINE_REASONS,
  RECORD_FINDING_KINDS,
  RECORD_KINDS,
  RECORD_STATES,
  RESET_RULES,
  SELLING_MODES,
  STATE_GROUPS,
  STATED_STATES,
  SUBMISSION_STATES,
  SUBSCRIPTION_STATES,
  SUSPENSION_REASONS,
  VERDICTS,
  WAITS_FOR,
} from "@quarterpast/domain";

/** The domain's lists of words that columns may hold, by the name of their type in the database. */
export const CLOSED_SETS: Readonly<Record<string, readonly string[]>> = {
  aggregation: AGGREGATIONS,
  bill_finding_kind: BILL_FINDING_KINDS,
  bill_scope: BILL_SCOPES,
  billing_cycle: BILLING_CYCLES,
  case_act: CASE_ACTS,
  case_kind: CASE_KINDS,
  case_resolution: CASE_RESOLUTIONS,
  finding_kind: RECORD_FINDING_KINDS,
  hour_status: HOUR_STATUSES,
  key_role: KEY_ROLES,
  key_state: KEY_STATES,
  life_event_kind: LIFE_EVENT_KINDS,
  outcome_source: OUTCOME_SOURCES,
  price_model: PRICE_MODELS,
  price_period: PRICE_PERIODS,
  quarantine_reason: Object.keys(QUARANTINE_REASONS),
  record_kind: RECORD_KINDS,
  record_state: RECORD_STATES,
  reset_rule: RESET_RULES,
  selling_mode: SELLING_MODES,
  stated_state: STATED_STATES,
  submission_state: SUBMISSION_STATES,
  subscription_state: SUBSCRIPTION_STATES,
  suspension_reason: SUSPENSION_REASONS,
  verdict: VERDICTS,
  waits_for: WAITS_FOR,
};

/** Words of the domain as an SQL list: `('frozen', 'sent')`. */
export function oneOf(words: readonly string[]): string {
  return `(${words.map((word) => `'${word}'`).join(", ")})`;
}

/** The same as an SQL array, in their order. */
export function arrayOf(words: readonly string[]): string {
  return `ARRAY[${words.map((word) => `'${word}'`).join(", ")}]`;
}

/** First and last line of the section of the migration that `npm run schema` writes. */
export const SECTION = {
  begin: "-- Closed sets: written by `npm run schema` from packages/domain; edit them there.",
  end: "-- End of the closed sets.",
} as const;

/**
 * The section itself: a type for each closed set, and a function for each group of states. The planner inlines the
 * functions, so that an index for a group's rows serves every query for the group.
 */
export function closedSetsSql(): string {
  const types = Object.entries(CLOSED_SETS).map(([name, words]) =>
    wrap(`CREATE DOMAIN ${name} AS text CHECK (VALUE IN (`, words, "));"),
  );
  const functions = Object.entries(STATE_GROUPS).map(
    ([group, states]) =>
      `CREATE FUNCTION is_${group}(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE\n  AS $$ SELECT state IN ${oneOf(states)} $$;`,
  );
  return [SECTION.begin, "", ...types.flatMap(apart), ...functions.flatMap(apart), SECTION.end].join("\n");
}

const apart = (statement: string): string[] => [statement, ""];

const WIDTH = 118;

/** Quotes words and wraps them at the file's width. */
function wrap(before: string, words: readonly string[], after: string): string {
  const line = `${before}${words.map((word) => `'${word}'`).join(", ")}${after}`;
  if (line.length <= WIDTH) return line;
  const lines = [""];
  for (const [at, word] of words.entries()) {
    const piece = `'${word}'${at < words.length - 1 ? "," : ""}`;
    const last = lines.at(-1)!;
    if (last !== "" && last.length + piece.length + 3 > WIDTH) lines.push(piece);
    else lines[lines.length - 1] = last === "" ? piece : `${last} ${piece}`;
  }
  return `${before}\n  ${lines.join("\n  ")}${after}`;
}
