import { lineText } from "./archive.js";
import { trimDecimal } from "../quantity.js";
import { formatInstant, type Micros } from "../time.js";

/** What is proven about one event: its identity and all that is metered. */
export interface EventCore {
  account: string;
  source: string;
  id: string;
  key: string;
  instance: string;
  meter: string;
  time: Micros;
  quantity: string | null;
  value: string | null;
  /**
   * The account that the event names, if it names one: its instance's account, unless a person assigned the event.
   */
  accountNamed: string | null;
  payloadHash: string;
}

/**
 * The canonical bytes of an event: the data of its leaf. A missing quantity or value is empty text; only an event
 * that names an account has a field for it.
 */
export function eventLeaf(event: EventCore): string {
  return lineText("event", {
    account: event.account,
    ...(event.accountNamed !== null && { account_named: encodeText(event.accountNamed) }),
    id: encodeText(event.id),
    instance: event.instance,
    key: event.key,
    meter: event.meter,
    payload_hash: event.payloadHash,
    quantity: event.quantity === null ? "" : trimDecimal(event.quantity),
    source: encodeText(event.source),
    time: formatInstant(event.time),
    value: encodeText(event.value ?? ""),
  });
}

/**
 * Any text as printable ASCII: each UTF-8 byte outside 0x20–0x7e, and `%`, becomes `%XX`. A text has exactly one such
 * form.
 */
export function encodeText(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text)) return text;
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The text that {@link encodeText} encoded; undefined if the input is not one of its results. */
export function decodeText(encoded: string): string | undefined {
  try {
    const text = decodeURIComponent(encoded);
    return encodeText(text) === encoded ? text : undefined;
  } catch {
    return undefined;
  }
}
