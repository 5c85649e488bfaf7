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

/** Packs the texts that identify a row into one that fits into a URL. */
export function encodeCursor(...parts: string[]): string {
  const bytes = new TextEncoder().encode(JSON.stringify(parts));
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
