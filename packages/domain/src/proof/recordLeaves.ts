import { createTree } from "./merkle.js";

/** The checksums of an hour's records, hashed in the order of their serial numbers; a million take 60 MB. */
export interface RecordLeaves {
  add(sn: string, checksum: string): void;
  size(): number;
  /** The root over the checksums (32 bytes each), sorted by serial number, 64 hex digits. */
  root(): string;
}

const SERIAL = /^b1[0-9a-f]{48}$/;
const SERIAL_BYTES = 24;
const LEAF_BYTES = SERIAL_BYTES + 32;
const FIRST_CAPACITY = 1_024;
/** A sort key is 40 bits of the serial number above the 24 bits of its place. */
const PLACE_BITS = 24n;
const PLACE_MASK = (1n << PLACE_BITS) - 1n;

/** Begins an hour without records. */
export function createRecordLeaves(): RecordLeaves {
  let bytes = Buffer.alloc(FIRST_CAPACITY * LEAF_BYTES);
  let size = 0;
  /** Serial numbers that are not in our form: a verifier may meet them, and they are sorted and hashed as given. */
  const others: { sn: string; checksum: Buffer }[] = [];

  const serial = (place: number): Buffer =>
    bytes.subarray(place * LEAF_BYTES, place * LEAF_BYTES + SERIAL_BYTES);
  const checksum = (place: number): Buffer =>
    bytes.subarray(place * LEAF_BYTES + SERIAL_BYTES, (place + 1) * LEAF_BYTES);

  /** Places in the order of their serial numbers. */
  function inOrder(): number[] {
    const keys = new BigUint64Array(size);
    for (let place = 0; place < size; place += 1) {
      const high = BigInt(bytes.readUIntBE(place * LEAF_BYTES, 5));
      keys[place] = (high << PLACE_BITS) | BigInt(place);
    }
    keys.sort();
    const places = Array.from(keys, (key) => Number(key & PLACE_MASK));
    // Among a million serial numbers, two may share their first 40 bits.
    for (let at = 1; at < size; at += 1) {
      for (let low = at; low > 0 && serial(places[low - 1]!).compare(serial(places[low]!)) > 0; low -= 1)
        [places[low - 1], places[low]] = [places[low]!, places[low - 1]!];
    }
    return places;
  }

  return {
    add(sn, sum) {
      if (!SERIAL.test(sn)) {
        others.push({ sn, checksum: Buffer.from(sum, "hex") });
        return;
      }
      if (size > Number(PLACE_MASK))
        throw new RangeError(`an hour of an account holds up to ${PLACE_MASK} records`);
      if ((size + 1) * LEAF_BYTES > bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2);
      bytes.write(sn.slice(2), size * LEAF_BYTES, "hex");
      bytes.write(sum, size * LEAF_BYTES + SERIAL_BYTES, "hex");
      size += 1;
    },
    size: () => size + others.length,
    root() {
      const tree = createTree();
      const rest = [...others].sort((a, b) => (a.sn < b.sn ? -1 : 1));
      for (const place of inOrder()) {
        const sn = rest.length > 0 ? `b1${serial(place).toString("hex")}` : "";
        while (rest.length > 0 && rest[0]!.sn < sn) tree.add(rest.shift()!.checksum);
        tree.add(checksum(place));
      }
      for (const { checksum: last } of rest) tree.add(last);
      return tree.root();
    },
  };
}
