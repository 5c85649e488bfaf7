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

/** What a marketplace must know of one record; checked against its limits when it is encoded. */
export interface WireRecordInput {
  instanceId: string;
  serialNumber: string;
  /** Whole seconds, `begin` < `end` ≤ `recordTime`. */
  begin: Micros;
  end: Micros;
  recordTime: Micros;
  /** Decimal text within the limits. */
  quantity: string;
  /** The marketplace's product id; needed where the wire carries it. */
  product?: string | undefined;
  /** Instance id of the stop-before-excess package this usage is deducted from. */
  relatedPackageInstance?: string | undefined;
}

/** How much the marketplace may be asked at once; the caller keeps to it. */
export interface CallRates {
  inFlight: number;
  perSecond: number;
  /**
   * What all records of a call have in common: their product, or the key that signs them; the client knows keys, and has a
   * call of several cut.
   */
  groupedBy: "product" | "key" | "nothing";
  /** Real ms between two calls with records of one instance; all that an instance owes goes into one call. 0: none. */
  spacingMs: number;
}

/**
 * How far "already there" can be relied on to keep a second delivery from being billed: proven by what a reply shows,
 * stated in the marketplace's papers, contested between them, or nothing of the kind.
 */
export type DedupeTrust = "proven" | "stated" | "contested" | "none";

/** What holds for records of one version of the wire text. */
export interface WireRule {
  version: number;
  /** When a record that may have been taken goes out again. */
  resend: Resend;
  /** If that is at once: only so long after the first call with it, then a person decides. Absent: until it expires. */
  resendFor?: Micros;
  /** What names such a record in a statement and in a reply: its serial number, or only the slot that it fills. */
  namedBy: "serial_number" | "slot";
}

/** What the marketplace says it has: a line for each record, or for each instance and day of the account. */
export interface StatementRule {
  grain: "record" | "day";
  /** Whether the client asks for it, or a person imports the file. */
  way: "api" | "file";
}

/**
 * What a marketplace demands and promises for one account: data and pure functions, without secrets. Anything may have
 * it.
 */
export interface MarketplaceProfile {
  /** Name of the marketplace in the registry. */
  marketplace: string;
  site: string;
  hosts: { primary: string; fallback: readonly string[] };
  /** Version of the wire text that new records are frozen with; kept with each. */
  wireVersion: number;
  /** Of every version that was ever frozen. */
  wires: readonly WireRule[];
  /** What it takes only once; it decides how usage becomes records. */
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
  /** Codes that say "older than is taken". */
  expiredCodes: readonly string[];
  /**
   * The frozen wire text of one record; the same input gives the same bytes for ever within a `wireVersion`.
   * @throws RangeError naming the field and what would be right.
   */
  encodeRecord: (record: WireRecordInput) => string;
  /** Which settings hold what signs its calls, for a person: "set …". */
  keySettings: Text;
  /** What it calls things in the lists and bills that it exports; absent if it exports none. */
  lists?: ListRules;
  /** What a code means, for a person; undefined for one that is in no table. */
  meaningOf: (code: string) => Text | undefined;
  /** What a person should do about a record that is abnormal with a code; undefined for one that is in no table. */
  adviceOf: (code: string) => Advice | undefined;
}

/** When records of a wire version go out again; a version of which nothing is known waits for a statement. */
export function resendOf({ wires }: Pick<MarketplaceProfile, "wires">, version: number): Resend {
  return wires.find((wire) => wire.version === version)?.resend ?? "after_statement";
}

/** Wire versions of which what may have been taken goes out again only after a statement. */
export function versionsAfterStatement({ wires }: Pick<MarketplaceProfile, "wires">): number[] {
  return wires.filter(({ resend }) => resend === "after_statement").map(({ version }) => version);
}

/** What goes out again for a time only, by wire version. */
export function resendLimits({ wires }: Pick<MarketplaceProfile, "wires">): ResendLimit[] {
  return wires.flatMap(({ version, resend, resendFor }) =>
    resend === "at_once" && resendFor !== undefined ? [{ version, resendFor }] : [],
  );
}

/** How long records of a wire version go out again after the first call that may have been taken. */
export interface ResendLimit {
  version: number;
  resendFor: Micros;
}

/** Wire versions without a serial number: only of one of these can a statement's line be that has none. */
export function versionsNamedBySlot({ wires }: Pick<MarketplaceProfile, "wires">): number[] {
  return wires.filter(({ namedBy }) => namedBy === "slot").map(({ version }) => version);
}
