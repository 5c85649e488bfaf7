import type {
  Advice,
  Micros,
  RecordLimits,
  Resend,
  Slot,
  Supersede,
  Text,
  WindowRule,
} from "@quarterpast/domain";
import type { RetryRule } from "./retry.js";
import type { ListRules } from "./table/rules.js";

/** What a marketplace must know about one record; checked against its limits when encoded. */
export interface WireRecordInput {
  instanceId: string;
  serialNumber: string;
  /** Whole seconds, `begin` < `end` ≤ `recordTime`. */
  begin: Micros;
  end: Micros;
  recordTime: Micros;
  /** Decimal text within the limits. */
  quantity: string;
  /** The marketplace's product id; needed if the wire carries it. */
  product?: string | undefined;
  /** Instance id of the stop-before-excess package this usage is deducted from. */
  relatedPackageInstance?: string | undefined;
}

/** How much the marketplace may be asked at the same time; the caller observes it. */
export interface CallRates {
  inFlight: number;
  perSecond: number;
  /**
   * What all records of a call share: their product, or the key that signs them. The client knows the keys, and has a
   * call with several cut.
   */
  groupedBy: "product" | "key" | "nothing";
  /** Real ms between two calls with records of one instance; all its due records go into one call. 0: none. */
  spacingMs: number;
}

/**
 * How far "already there" can be trusted to prevent a second delivery from being billed: proven by what a reply
 * shows, stated in the marketplace's documents, contested between them, or not at all.
 */
export type DedupeTrust = "proven" | "stated" | "contested" | "none";

/** The rules for records of one version of the wire text. */
export interface WireRule {
  version: number;
  /** When a record that may have been taken is sent again. */
  resend: Resend;
  /** For `at_once`: only this long after the first call with it; then a person decides. Absent: until it expires. */
  resendFor?: Micros;
  /** How a statement and a reply name such a record: by its serial number, or only by the slot that it fills. */
  namedBy: "serial_number" | "slot";
}

/** What the marketplace's statements list: a line for each record, or for each instance and day of the account. */
export interface StatementRule {
  grain: "record" | "day";
  /** Whether the client requests them, or a person imports the file. */
  way: "api" | "file";
}

/**
 * What a marketplace requires and promises for one account: data and pure functions, without secrets. Any part of the
 * product may have it.
 */
export interface MarketplaceProfile {
  /** Name of the marketplace in the registry. */
  marketplace: string;
  site: string;
  hosts: { primary: string; fallback: readonly string[] };
  /** Version of the wire text for freezing new records; stored with each. */
  wireVersion: number;
  /** All versions that were ever used. */
  wires: readonly WireRule[];
  /** What it accepts only once; decides how usage becomes records. */
  slot: Slot;
  /** What may be filed again. */
  supersede: Supersede;
  dedupe: DedupeTrust;
  /** Whether "already there" comes with the quantity that is there: it then shows whose record that is. */
  tells: boolean;
  statements: StatementRule;
  limits: RecordLimits;
  windows: WindowRule;
  retry: RetryRule;
  calls: CallRates;
  /** Codes that say "already there"; see the warning at `RecordException`. */
  duplicateCodes: readonly string[];
  /** Codes that say "older than accepted". */
  expiredCodes: readonly string[];
  /**
   * The frozen wire text of one record; the same input always gives the same bytes within a `wireVersion`.
   * @throws RangeError naming the field and what would be right.
   */
  encodeRecord: (record: WireRecordInput) => string;
  /** Which settings hold the keys that sign its calls, for a person: "set …". */
  keySettings: Text;
  /** Its names in the lists and bills that it exports; absent if it exports none. */
  lists?: ListRules;
  /** What a code means, for a person; undefined for an unknown code. */
  meaningOf: (code: string) => Text | undefined;
  /** What a person should do about a record that is abnormal with a code; undefined for an unknown code. */
  adviceOf: (code: string) => Advice | undefined;
}

/** When records of a wire version are sent again; an unknown version waits for a statement. */
export function resendOf({ wires }: Pick<MarketplaceProfile, "wires">, version: number): Resend {
  return wires.find((wire) => wire.version === version)?.resend ?? "after_statement";
}

/** Wire versions whose records, if they may have been taken, are sent again only after a statement. */
export function versionsAfterStatement({ wires }: Pick<MarketplaceProfile, "wires">): number[] {
  return wires.filter(({ resend }) => resend === "after_statement").map(({ version }) => version);
}

/** Limits of what is sent again only for a time, by wire version. */
export function resendLimits({ wires }: Pick<MarketplaceProfile, "wires">): ResendLimit[] {
  return wires.flatMap(({ version, resend, resendFor }) =>
    resend === "at_once" && resendFor !== undefined ? [{ version, resendFor }] : [],
  );
}

/** How long records of a wire version are sent again after the first call that may have been taken. */
export interface ResendLimit {
  version: number;
  resendFor: Micros;
}

/** Wire versions without a serial number: a statement's line without one can only belong to one of these. */
export function versionsNamedBySlot({ wires }: Pick<MarketplaceProfile, "wires">): number[] {
  return wires.filter(({ namedBy }) => namedBy === "slot").map(({ version }) => version);
}
