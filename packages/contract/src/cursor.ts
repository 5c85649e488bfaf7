import { field, optional } from "./field.js";
import { parseFlatJson, readBy, wholeNumber } from "./forms.js";
import { z } from "zod";

const CURSOR = {
  title: { en: "Page", zh: "页" },
  right: { en: "the value of next of the previous page", zh: "上一页的 next 值" },
};

/** The id after which a page continues. */
export const cursor = optional(field(CURSOR, z.string().regex(/^[\x21-\x7e]{1,64}$/)));

/** The number after which a page continues; numbers from `integer` columns have at most 9 digits. */
export const numberCursor = (digits: 9 | 15 = 15) =>
  optional(field(CURSOR, wholeNumber(digits === 9 ? /^\d{1,9}$/ : /^\d{1,15}$/)));

/** A part of a cursor: it may be empty, and cannot contain what the database cannot store. */
export const ANY_TEXT = /^[^\p{Cc}\p{Cs}]*$/u;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The texts after which a page continues, each in its form; see {@link encodeCursor}. */
export const textCursor = (...forms: RegExp[]) =>
  optional(
    field(
      CURSOR,
      readBy(1_000, (text) => {
        const parts = decodeCursor(text);
        return parts?.length === forms.length && forms.every((form, at) => form.test(parts[at]!))
          ? parts
          : undefined;
      }),
    ),
  );

/** Where a list over several accounts goes on: after the place of each account that it has shown something of. */
export interface Places<T> {
  of: Readonly<Record<string, T>>;
}

/** Whether a page goes on in several accounts. */
export const isPlaces = <T>(cursor: T | Places<T> | undefined): cursor is Places<T> =>
  typeof cursor === "object" && cursor !== null && "of" in cursor;

const PLACES = "~";
const PLACES_CHARS_MAX = 6_000;

/** The cursor of a list over several accounts: that of a list of one, or the places in each of them. @param own of one */
export const mergedCursor = <S extends z.ZodType>(own: S) =>
  optional(
    field(
      CURSOR,
      readBy(
        PLACES_CHARS_MAX,
        (text): NonNullable<z.output<S>> | Places<NonNullable<z.output<S>>> | undefined => {
          const places = text.startsWith(PLACES) ? decodePlaces(text.slice(1), own) : undefined;
          return (places as Places<NonNullable<z.output<S>>> | undefined) ?? readOwn(own, text);
        },
      ),
    ),
  );

function readOwn<S extends z.ZodType>(own: S, text: string): NonNullable<z.output<S>> | undefined {
  const read = own.safeParse(text);
  return read.success ? (read.data ?? undefined) : undefined;
}

function decodePlaces(base64url: string, own: z.ZodType): Places<unknown> | undefined {
  const told = parseFlatJson(textOf(base64url) ?? "");
  if (typeof told !== "object" || told === null || Array.isArray(told)) return undefined;
  const read = Object.entries(told).map(
    ([account, text]) => [account, typeof text === "string" ? readOwn(own, text) : undefined] as const,
  );
  return read.some(([, place]) => place === undefined) ? undefined : { of: Object.fromEntries(read) };
}

/** Packs the places of a list over several accounts. @param of the list's own cursor of each, by the account's code */
export const encodePlaces = (of: Readonly<Record<string, string>>): string =>
  PLACES + toBase64url(JSON.stringify(of));

/** Packs the texts that a row is found by into one that an address can hold. */
export function encodeCursor(...parts: string[]): string {
  return toBase64url(JSON.stringify(parts));
}

function toBase64url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

function decodeCursor(text: string): string[] | undefined {
  const parts = parseFlatJson(textOf(text) ?? "");
  return Array.isArray(parts) && parts.every((part) => typeof part === "string") ? parts : undefined;
}

/** Undefined if it is not base64url. */
function textOf(base64url: string): string | undefined {
  try {
    const bytes = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder().decode(Uint8Array.from(bytes, (sign) => sign.charCodeAt(0)));
  } catch {
    return undefined;
  }
}
