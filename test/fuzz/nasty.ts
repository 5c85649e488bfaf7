import { deflateSync, gzipSync } from "node:zlib";
import type { Random } from "../crash/random.js";

/** JSON text sent unchanged: numbers that no JavaScript value can hold, objects that name a key twice. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const nest = (open: string, inner: string, close: string, depth: number) =>
  `${open.repeat(depth)}${inner}${close.repeat(depth)}`;

/** Values that may break parsers, sums, stores and logs, in place of any value. */
export const NASTY_VALUES: readonly unknown[] = [
  ...[
    "\u0000",
    "a\u0000b",
    "\ud800",
    "a\udc00b",
    "\u202e\ufeff",
    "😀".repeat(80),
    "\r\nSet-Cookie: a=b",
    "\u0085",
  ],
  ...[
    "9007199254740993",
    "1e400",
    "NaN",
    "Infinity",
    "-Infinity",
    "١٢٣",
    "1,5",
    "+1",
    " 1",
    "0x10",
    "-0",
    "1e-7",
    "1.",
  ],
  ...[2 ** 53 + 2, Number.MAX_SAFE_INTEGER, 1e308, -1, -0, 0.1 + 0.2, 1e-7, 2 ** 31, 2 ** 63],
  ...["", null, true, [], {}, [[[[[[]]]]]], "x".repeat(5_000), "%00%ff", "../../etc/passwd", "\\"],
  ...[
    "'; DROP TABLE events; --",
    "$(reboot)",
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
  ],
  ...[
    "2026-02-30T25:61:61Z",
    "9999-12-31T23:59:59.999999999Z",
    "1969-12-31T23:59:59Z",
    "2016-12-31T23:59:60Z",
  ],
  ...["0000-01-01T00:00:00Z", "+275760-09-13T00:00:00Z", "2026-03-01T10:00:00+23:59", "2026-03-01T10:00:00"],
  new Raw("1e400"),
  new Raw("-1e400"),
  new Raw("9007199254740993"),
  new Raw(`1${"0".repeat(400)}`),
  new Raw("0.1234567890123456789012345678901234567890"),
  new Raw('{"a":1,"a":2}'),
  new Raw('{"__proto__":{"quantity":1}}'),
  new Raw('{"constructor":{"prototype":{"x":1}}}'),
  new Raw(nest("[", "", "]", 3_000)),
  new Raw(nest('{"a":', "1", "}", 400)),
];

/** Texts that a store refuses: drawn more often, because a field that lets them through causes a 500. */
export const SHARP_TEXTS: readonly string[] = ["\u0000", "a\u0000b", "\ud800", "x".repeat(5_000), ""];

/** Texts that are hostile in an address or in a file. */
export const NASTY_TEXTS: readonly string[] = NASTY_VALUES.flatMap((value) =>
  typeof value === "string" || typeof value === "number" ? [String(value).slice(0, 600)] : [],
);

/** A value in place of a valid one. */
export const nastyValue = (random: Random): unknown =>
  random.pick(random.chance(0.3) ? SHARP_TEXTS : NASTY_VALUES);
/** A text in place of a valid one. */
export const nastyText = (random: Random): string =>
  random.pick(random.chance(0.3) ? SHARP_TEXTS : NASTY_TEXTS);

/** Bodies that are not JSON for us at all. */
export const RAW_BODIES: readonly (string | Buffer)[] = [
  ...[
    "",
    "{",
    "null",
    "[]",
    '"text"',
    '{"a":1,"a":2}',
    '{"__proto__":{"x":1}}',
    "\ufeff{}",
    "\u0000",
    "a,b\n1",
  ],
  ...[
    '{"id":"\\ud800"}',
    nest("[", "", "]", 5_000),
    nest('{"a":', "1", "}", 500),
    "[1e400]",
    "NaN",
    "{}{}",
    '{"a":',
  ],
  Buffer.from([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
  Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]),
];

/** Small bodies that decompress to 32 MiB: a few of them kill a server that decompresses what it should not. */
const BOMB = Buffer.alloc(32 * 1024 * 1024, 0x20);
export const COMPRESSED: readonly { encoding: string; body: Buffer }[] = [
  { encoding: "gzip", body: gzipSync(BOMB) },
  { encoding: "deflate", body: deflateSync(BOMB) },
  { encoding: "gzip", body: Buffer.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0, 255, 255]) },
  { encoding: "br", body: Buffer.from([0xcf, 0xff, 0xff, 0x7f]) },
  { encoding: "identity, gzip", body: Buffer.from("{}") },
];

/** JSON of a value that may contain {@link Raw}. */
export function writeJson(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([name, one]) => `${JSON.stringify(name)}:${writeJson(one)}`)
      .join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}
