/**
 * Instants and hours. An instant is an integer count of microseconds since the Unix epoch (`Micros`): exact in a
 * double until the year 2255, so it may be a number; quantities may not (see quantity.ts).
 */
export type Micros = number;

export const SECOND: Micros = 1_000_000;
export const MINUTE: Micros = 60 * SECOND;
export const HOUR: Micros = 60 * MINUTE;
export const DAY: Micros = 24 * HOUR;

/** The begin of the UTC hour that contains the instant. */
export function hourOf(at: Micros): Micros {
  return Math.floor(at / HOUR) * HOUR;
}

/** The instant cut down to its whole second. */
export function floorSecond(at: Micros): Micros {
  return Math.floor(at / SECOND) * SECOND;
}

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,12}))?([Zz]|[+-]\d{2}:\d{2})?$/;

/** How {@link parseInstant} reads a time without a zone: as UTC, or not at all. */
export type ZonePolicy = "utc" | "required";

/**
 * Reads an RFC 3339 time (blank or `T` between date and time); digits beyond microseconds are cut off.
 * @returns the instant, or undefined if the text is not a valid time (wrong grammar, no such day, a leap second,
 *   after the year 2255).
 */
export function parseInstant(text: string, zone: ZonePolicy = "required"): Micros | undefined {
  return readUtcMillis(text) ?? readInstant(text, zone);
}

const UTC_MILLIS_LENGTH = "2023-11-16T18:17:03.979Z".length;

/** The form of nearly all events' times, read without the regular expression if its hour was read before. */
function readUtcMillis(text: string): Micros | undefined {
  if (text.length !== UTC_MILLIS_LENGTH || !text.endsWith("Z")) return undefined;
  const hour = HOURS_MET.get(text.slice(0, 13));
  if (hour === undefined) return undefined;
  const minute = digitsAt(text, 14, 2);
  const second = digitsAt(text, 17, 2);
  const millis = digitsAt(text, 20, 3);
  const isForm = text[13] === ":" && text[16] === ":" && text[19] === ".";
  if (!isForm || !(minute < 60 && second < 60 && millis < 1_000)) return undefined;
  return hour + minute * MINUTE + second * SECOND + millis * 1_000;
}

/** A number of `count` digits; NaN if they are not all digits. */
function digitsAt(text: string, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index += 1) {
    const digit = text.charCodeAt(index) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

const ZERO = 48;
/** Instants of hours, by the first 13 characters of texts that the regular expression has accepted. */
const HOURS_MET = new Map<string, Micros>();

function readInstant(text: string, zone: ZonePolicy): Micros | undefined {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", offset] = match;
  if (offset === undefined && zone === "required") return undefined;
  const wholeMs = Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!);
  const date = new Date(wholeMs);
  const isRealDay = date.getUTCMonth() === +month! - 1 && date.getUTCDate() === +day!;
  if (!isRealDay || +hour! > 23 || +minute! > 59 || +second! > 59 || +year! < 1970) return undefined;
  const shift = offsetMicros(offset);
  if (shift === undefined) return undefined;
  const at = wholeMs * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0")) - shift;
  if (!Number.isSafeInteger(at)) return undefined;
  if (HOURS_MET.size >= REMEMBERED) HOURS_MET.clear();
  HOURS_MET.set(text.slice(0, 13), hourOf(wholeMs * 1_000));
  return at;
}

function offsetMicros(offset: string | undefined): Micros | undefined {
  if (offset === undefined || offset === "Z" || offset === "z") return 0;
  const [hours, minutes] = offset.slice(1).split(":").map(Number) as [number, number];
  if (hours > 23 || minutes > 59) return undefined;
  return (offset.startsWith("-") ? -1 : 1) * (hours * HOUR + minutes * MINUTE);
}

/** Writes an instant as `2023-11-16T18:17:03.979960Z`; whole seconds carry no fraction. */
export function formatInstant(at: Micros): string {
  const hour = hourOf(at);
  const rest = at - hour;
  const fraction = rest % SECOND;
  const clock = `${TWO[Math.floor(rest / MINUTE)]}:${TWO[Math.floor((rest % MINUTE) / SECOND)]}`;
  const text = `${HOUR_TEXTS.of(hour)}:${clock}`;
  return fraction === 0 ? `${text}Z` : `${text}.${String(fraction).padStart(6, "0")}Z`;
}

/** Writes an instant, cut to its second, as `20231116T181703Z`, the form of bill records (koogallery.md 1.4). */
export function formatCompact(at: Micros): string {
  const hour = hourOf(at);
  const rest = at - hour;
  return `${COMPACT_HOURS.of(hour)}${TWO[Math.floor(rest / MINUTE)]}${TWO[Math.floor((rest % MINUTE) / SECOND)]}Z`;
}

const TWO = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));

/** Caches the results of a function: a million records of an hour contain few different times. */
function remember<K, V>(make: (key: K) => V): { of: (key: K) => V } {
  const known = new Map<K, V>();
  return {
    of(key) {
      let value = known.get(key);
      if (value === undefined) {
        if (known.size >= REMEMBERED) known.clear();
        known.set(key, (value = make(key)));
      }
      return value;
    },
  };
}

const REMEMBERED = 1_024;
const HOUR_TEXTS = remember((hour: Micros) => new Date(hour / 1000).toISOString().slice(0, 13));
const COMPACT_HOURS = remember((hour: Micros) =>
  new Date(hour / 1000).toISOString().slice(0, 13).replaceAll("-", ""),
);

/** Reads `20231116T181703Z`; undefined if the text is anything else. */
export function parseCompact(text: string): Micros | undefined {
  return COMPACTS.of(text) ?? undefined;
}

const COMPACTS = remember((text: string) => readCompact(text) ?? null);

function readCompact(text: string): Micros | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  return parseInstant(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
