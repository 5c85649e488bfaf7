import { crc32 } from "node:zlib";
import type { Micros } from "@quarterpast/domain";

/**
 * The layout of an entry in a segment: magic, length of the payload, CRC-32 of all that follows, sequence number,
 * product time of receipt, payload. Numbers are big-endian.
 */
const MAGIC = Buffer.from("QPJ1", "latin1");
const LENGTH_AT = 4;
const CRC_AT = 8;
const SEQ_AT = 12;
const RECEIVED_AT = 20;
export const FRAME_HEADER_BYTES = 28;
/** Far above any entry; a larger length means damage. */
const PAYLOAD_MAX_BYTES = 16 * 1_048_576;

/** The position of an entry in its segment's bytes, and the fields of its header. */
export interface Frame {
  seq: number;
  received: Micros;
  offset: number;
  /** Header and payload. */
  length: number;
}

/** The bytes of one entry. */
export function encodeFrame(seq: number, received: Micros, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  MAGIC.copy(frame);
  frame.writeUInt32BE(payload.length, LENGTH_AT);
  frame.writeBigUInt64BE(BigInt(seq), SEQ_AT);
  frame.writeBigUInt64BE(BigInt(received), RECEIVED_AT);
  payload.copy(frame, FRAME_HEADER_BYTES);
  frame.writeUInt32BE(crc32(frame.subarray(SEQ_AT)), CRC_AT);
  return frame;
}

/** The whole and undamaged entry that begins at `offset`; undefined if there is none. */
export function readFrame(bytes: Buffer, offset: number): Frame | undefined {
  if (offset + FRAME_HEADER_BYTES > bytes.length) return undefined;
  if (bytes.compare(MAGIC, 0, 4, offset, offset + 4) !== 0) return undefined;
  const payload = bytes.readUInt32BE(offset + LENGTH_AT);
  const length = FRAME_HEADER_BYTES + payload;
  if (payload > PAYLOAD_MAX_BYTES || offset + length > bytes.length) return undefined;
  const covered = bytes.subarray(offset + SEQ_AT, offset + length);
  if (crc32(covered) !== bytes.readUInt32BE(offset + CRC_AT)) return undefined;
  return {
    seq: Number(bytes.readBigUInt64BE(offset + SEQ_AT)),
    received: Number(bytes.readBigUInt64BE(offset + RECEIVED_AT)),
    offset,
    length,
  };
}

/** The contents of a segment. */
export interface Scan {
  frames: Frame[];
  /** Stretches that are not entries although entries follow. */
  damaged: { from: number; to: number }[];
  /** Where the last whole entry ends; anything after it was torn. */
  end: number;
}

/** Finds all entries from `start` on, skipping damage. */
export function scanFrames(bytes: Buffer, start: number): Scan {
  const scan: Scan = { frames: [], damaged: [], end: Math.min(start, bytes.length) };
  for (let at = scan.end; at < bytes.length; at = scan.end) {
    const frame = readFrame(bytes, at) ?? nextFrame(bytes, at + 1);
    if (!frame) break;
    if (frame.offset > at) scan.damaged.push({ from: at, to: frame.offset });
    scan.frames.push(frame);
    scan.end = frame.offset + frame.length;
  }
  return scan;
}

function nextFrame(bytes: Buffer, from: number): Frame | undefined {
  for (let at = bytes.indexOf(MAGIC, from); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    const frame = readFrame(bytes, at);
    if (frame) return frame;
  }
  return undefined;
}
