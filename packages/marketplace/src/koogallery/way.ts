import type { KeyState } from "@quarterpast/domain";
import type { CallRecord } from "../client.js";

/** What is to be signed. */
export interface Signing {
  /** Host and path as they are called. */
  host: string;
  path: string;
  /** Real time, corrected, in ms. */
  atMs: number;
  body: Buffer;
  /** The product of the call's records; undefined for a probe. */
  product: string | undefined;
}

/** One interface of the usage push: its address, its signature, and by what its replies name a record. */
export interface PushWay {
  wireVersion: number;
  path: string;
  /** Whether there is a key to sign with. */
  isReady: () => boolean;
  /** Tells products apart that different keys sign. */
  signerOf: (product: string | undefined) => string;
  /** Headers of one attempt. `isOwn`: by a product's own key. */
  sign: (signing: Signing) => { headers: Record<string, string>; isOwn: boolean };
  /** Whether a code may come from a clock that is off. */
  isOutOfTime: (code: string) => boolean;
  /** What an answer that halts tells of the key, where the code's own table does not. */
  keyAt: (code: string, httpStatus: number) => KeyState | undefined;
  /** What tells a record from the others of its call, as its wire text has it. */
  nameOf: (record: CallRecord) => string;
  /** The same of an entry of a reply; undefined where it names none. */
  nameIn: (entry: Record<string, unknown>) => string | undefined;
}

/** The interfaces of an adapter. */
export interface Ways {
  /** By which new records go. */
  chosen: PushWay;
  /** By the version a record was frozen with. */
  byVersion: ReadonlyMap<number, PushWay>;
}

/** The first of these fields that holds a text or a number. */
export function firstText(entry: Record<string, unknown>, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = entry[name];
    if (typeof value === "string" && value.trim() !== "") return value;
    if (typeof value === "number") return String(value);
  }
  return undefined;
}
