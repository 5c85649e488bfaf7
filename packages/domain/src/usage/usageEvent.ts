import type { Micros } from "../time.js";

/** How long the fields of an event may be, and how many extensions it may have. */
export const EVENT_LIMITS = {
  idChars: 256,
  sourceChars: 256,
  subjectChars: 128,
  meterChars: 64,
  valueChars: 256,
  extensions: 16,
  extensionChars: 256,
} as const;

/** One consumption, checked and in canonical form: what every later stage reads. */
export interface UsageEvent {
  source: string;
  /** With the source, the identity of the event; its key is a function of it (`eventKey`). */
  id: string;
  subject: string;
  meter: string;
  time: Micros;
  /** Canonical decimal text. */
  quantity?: string | undefined;
  value?: string | undefined;
  /**
   * CloudEvents extension attributes, kept as sent. `account` names the seller account of its instance; `corrects`
   * and `cancels` name another event of its source.
   */
  extensions?: Record<string, string | number | boolean> | undefined;
}
