import { copyOf, type Fields } from "./archive.js";
import type { Finding } from "./proofProblems.js";
import { formatUnits, isDecimal, QUANTITY_MAX_SCALE, trimDecimal, unitsOf } from "../quantity.js";
import {
  PACKAGE_RECORD_VERSION,
  recordChecksum,
  RECORD_KINDS,
  RECORD_VERSION,
  SLOT_RECORD_VERSION,
  serialNumber,
} from "../billing/record.js";
import { parseCompact } from "../time.js";

type Report = (code: Finding["code"], where: string, expected?: string, found?: string) => void;

/** Heads of an account's chains by shard, as far as a run has got. */
export type Heads = Map<string, { seq: number; checksum: string }>;
/** What each instance carried out of its last hour, as far as the run has seen. */
export type Residues = Map<string, bigint>;

/** Checks the records of one hour: each by itself, the chains, and that usage, residue and filed quantity add up. */
export interface RecordChecker {
  usage(fields: Fields): void;
  /** @returns the record's checksum. */
  record(fields: Fields, text: string): string;
  /** Checks only the record's place in its chain. @returns the record's checksum. */
  link(fields: Fields, text: string): string;
  chain(fields: Fields): void;
  finish(): void;
}

/** What one instance's usage line and records of an hour say. */
interface Sum {
  usage?: { sn: string; events: string; billable: bigint };
  first?: { sn: string; events: string; carriedIn: bigint; isOfSlot: boolean };
  last?: { sn: string; part: number; carriedOut: string };
  filed: bigint;
}

const SCALE = QUANTITY_MAX_SCALE;
const WHOLE = /^(0|[1-9]\d{0,15})$/;

/**
 * Creates the checker of one hour's records.
 * @param context entries missing from `heads` are taken from the first record seen, because a run may begin in the
 *   middle of a chain.
 */
export function createRecordChecker(
  context: { account: string; hour: string; heads: Heads; residues: Residues; carries: Set<string> },
  report: Report,
): RecordChecker {
  const { account, hour, heads, residues, carries } = context;
  const sums = new Map<string, Sum>();
  const serials = new Set<string>();
  const sumOf = (instance: string): Sum => {
    let sum = sums.get(instance);
    if (!sum) sums.set(copyOf(instance), (sum = { filed: 0n }));
    return sum;
  };

  function checkChain(fields: Fields, checksum: string): void {
    const { shard = "", seq = "", prev = "", sn = "" } = fields;
    const head = heads.get(shard);
    if (seq === "1" && prev !== "0".repeat(64)) report("record_chain", sn, "0".repeat(64), prev);
    if (head && (String(head.seq + 1) !== seq || head.checksum !== prev)) {
      report("record_chain", sn, `${head.seq + 1} ${head.checksum}`, `${seq} ${prev}`);
    }
    if (head) [head.seq, head.checksum] = [Number(seq), checksum];
    else heads.set(copyOf(shard), { seq: Number(seq), checksum });
  }

  function link(fields: Fields, text: string): string {
    const checksum = recordChecksum(text);
    checkChain(fields, checksum);
    return checksum;
  }

  function checkFields(fields: Fields): void {
    const { sn = "", kind = "", qty = "" } = fields;
    const [begin, end, own, made] = [fields.begin, fields.end, fields.hour, fields.record_time].map((text) =>
      parseCompact(text ?? ""),
    );
    const isRereport = kind === "rereport";
    const isOfSlot = fields.carried !== undefined;
    const version =
      (isOfSlot && SLOT_RECORD_VERSION) ||
      (fields.package === undefined ? RECORD_VERSION : PACKAGE_RECORD_VERSION);
    const wrong =
      (fields.v !== version && "v") ||
      (fields.package === "" && "package") ||
      (fields.account !== account && "account") ||
      (!(RECORD_KINDS as readonly string[]).includes(kind) && "kind") ||
      ((own === undefined || (isRereport ? fields.hour! > hour : fields.hour !== hour)) && "hour") ||
      ((begin === undefined || end === undefined || begin >= end) && "begin") ||
      (made === undefined && "record_time") ||
      ((!isDecimal(qty) || unitsOf(qty) < (isOfSlot ? 0n : 1n)) && "qty") ||
      (isOfSlot && !isCarried(fields) && "carried") ||
      (!isDecimal(fields.residue_in!) && "residue_in") ||
      (!isDecimal(fields.residue_out!) && "residue_out") ||
      (!WHOLE.test(fields.events!) && "events") ||
      (!WHOLE.test(fields.seq!) && "seq") ||
      (isRereport !== (fields.replaces !== "") && "replaces") ||
      (!(isRereport ? /^\d+r\d+$/ : /^\d+$/).test(fields.part!) && "part") ||
      undefined;
    if (wrong !== undefined) return report("record_field", sn, undefined, `${wrong} ${fields[wrong]}`);
    const expected = serialNumber({
      account,
      instance: fields.instance!,
      begin: begin!,
      end: end!,
      part: fields.part!,
    });
    if (expected !== sn || serials.has(sn)) report("record_serial", sn, expected, sn);
    // The computed one is not a view into a larger text.
    const kept = expected === sn ? expected : copyOf(sn);
    serials.add(kept);
    for (const given of (fields.carries || undefined)?.split(" ") ?? []) {
      // What one record has given no other takes over again.
      if (given === sn || carries.has(given)) report("record_sum", sn, undefined, given);
      carries.add(copyOf(given));
    }
    if (!isRereport) addToSum(fields, kept);
  }

  function addToSum(fields: Fields, sn: string): void {
    const sum = sumOf(fields.instance!);
    sum.filed += unitsOf(fields.qty!) - unitsOf(fields.carried ?? "0");
    const part = Number(fields.part);
    const events = copyOf(fields.events!);
    if (fields.part === "0") {
      const isOfSlot = fields.carried !== undefined;
      sum.first = { sn, events, carriedIn: unitsOf(fields.residue_in!), isOfSlot };
    } else if (events !== "0") report("record_sum", sn, "0", events);
    if (!sum.last || part > sum.last.part) sum.last = { sn, part, carriedOut: copyOf(fields.residue_out!) };
  }

  function checkSum(instance: string, { usage: own, first, last, filed }: Sum): void {
    // A record may be of no usage of its own hour: for what it takes over, or for its slot.
    const usage = own ?? (first?.isOfSlot ? { sn: first.sn, events: "0", billable: 0n } : undefined);
    if (!usage || (usage.sn !== "") !== (first !== undefined) || (first && first.sn !== usage.sn)) {
      return report("record_sum", instance, usage?.sn, first?.sn);
    }
    if (first && first.events !== usage.events) report("record_sum", first.sn, usage.events, first.events);
    const known = residues.get(instance);
    const carriedIn = first ? first.carriedIn : known;
    if (known !== undefined && carriedIn !== known) {
      report("residue", instance, show(known), show(carriedIn!));
    }
    const carriedOut = carriedIn === undefined ? undefined : carriedIn + usage.billable - filed;
    if (last && carriedOut !== unitsOf(last.carriedOut)) {
      report("record_sum", last.sn, show(carriedOut!), last.carriedOut);
    }
    if (carriedOut !== undefined) residues.set(instance, carriedOut);
  }

  return {
    usage({ instance = "", sn = "", events = "", quantity = "", unbillable = "" }) {
      const billable = unitsOf(quantity) - unitsOf(unbillable);
      sumOf(instance).usage = { sn: copyOf(sn), events: copyOf(events), billable };
    },
    record(fields, text) {
      const checksum = link(fields, text);
      checkFields(fields);
      return checksum;
    },
    link,
    chain({ account: owner, shard = "", seq = "", checksum = "" }) {
      const head = heads.get(shard);
      if (owner !== account || (head && (String(head.seq) !== seq || head.checksum !== checksum))) {
        report(
          "record_chain",
          `shard ${shard}`,
          head && `${head.seq} ${head.checksum}`,
          `${seq} ${checksum}`,
        );
      }
      if (!head) heads.set(copyOf(shard), { seq: Number(seq), checksum: copyOf(checksum) });
    },
    finish: () => sums.forEach((sum, instance) => checkSum(instance, sum)),
  };
}

/** A quantity that is taken over comes from records, and from records comes a quantity. */
function isCarried({ carried = "", carries = "" }: Fields): boolean {
  if (!isDecimal(carried) || unitsOf(carried) < 0n) return false;
  return carries === ""
    ? carried === "0"
    : unitsOf(carried) > 0n && /^b1[0-9a-f]{48}( b1[0-9a-f]{48})*$/.test(carries);
}

function show(units: bigint): string {
  return trimDecimal(formatUnits(units, SCALE));
}
