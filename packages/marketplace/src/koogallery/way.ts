import type { KeyState } from "@quarterpast/domain";
import type { CallRecord } from "../client.js";

/** What to sign. */
export interface Signing {
  /** Host and path of the request. */
  host: string;
  path: string;
  /** Real time, corrected, in ms. */
  atMs: number;
  body: Buffer;
  /** The product of the call's records; undefined for a probe. */
  product: string | undefined;
}

/** One interface of the usage push: its address, its signature, and how its replies name a record. */
export interface PushWay {
  wireVersion: number;
  path: string;
  /** Whether there is a key to sign with. */
  isReady: () => boolean;
  /** A text that differs between products signed with different keys. */
  signerOf: (product: string | undefined) => string;
  /** Headers of one attempt. `isOwn`: signed with a product's own key. */
  sign: (signing: Signing) => { headers: Record<string, string>; isOwn: boolean };
  /** Whether a code may come from a clock that is off. */
  isOutOfTime: (code: string) => boolean;
  /** What a halting answer says about the key, if the code's own table does not. */
  keyAt: (code: string, httpStatus: number) => KeyState | undefined;
  /** What distinguishes a record from the others of its call, from its wire text. */
  nameOf: (record: CallRecord) => string;
  /** The same from an entry of a reply; undefined if it names none. */
  nameIn: (entry: Record<string, unknown>) => string | undefined;
}

/** The interfaces of an adapter. */
export interface Ways {
  /** The one for new records. */
  chosen: PushWay;
  /** By the version a record was frozen with. */
  byVersion: ReadonlyMap<number, PushWay>;
}

/** The first of these fields that contains a text or a number. */
export function firstText(entry: Record<string, unknown>, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = entry[name];
    if (typeof value === "string" && value.trim() !== "") return value;
    if (typeof value === "number") return String(value);
  }
  return undefined;
}
