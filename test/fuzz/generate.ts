import { createRandom, type Random } from "../crash/random.js";

/** One request to be: most are near to the schemas, some are from the corpus of the nasty. */
export interface FuzzRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
}

/** What breaks parsers, sums, stores and logs. */
const NASTY: unknown[] = [
  "\u0000",
  "\ud800",
  "a\udc00b",
  "9007199254740993",
  2 ** 53 + 2,
  1e308,
  -1,
  -0,
  0.1 + 0.2,
  1e-7,
  "1e400",
  "NaN",
  "Infinity",
  "١٢٣",
  "1,5",
  "+1",
  " 1",
  "0x10",
  "",
  null,
  true,
  [],
  {},
  [[[[[[]]]]]],
  "x".repeat(5_000),
  "'; DROP TABLE events; --",
  "$(reboot)",
  "%00%ff",
  "../../etc/passwd",
  "__proto__",
  "constructor",
  "\r\nSet-Cookie: a=b",
  "2026-02-30T25:61:61Z",
  "9999-12-31T23:59:59.999999999Z",
  "1969-12-31T23:59:59Z",
  "2016-12-31T23:59:60Z",
  "\u202e\ufeff",
  "😀".repeat(80),
  Number.MAX_SAFE_INTEGER,
];

/** Bodies that are no JSON of ours at all. */
const RAW: string[] = [
  "",
  "{",
  "null",
  "[]",
  '"text"',
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1}}',
  '[{"specversion":"1.0","id":"x","source":"s","type":"m","subject":"c","time":"2026-03-01T10:00:00Z","data":{"quantity":1e400}}]',
  `${"[".repeat(5_000)}${"]".repeat(5_000)}`,
  `${'{"a":'.repeat(500)}1${"}".repeat(500)}`,
  "\ufeff{}",
  "\u0000",
  '{"id":"\\ud800"}',
  "a,b\n1",
];
const COMPRESSED = new Uint8Array([
  31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0,
]);

type Make = (random: Random, no: number) => unknown;

const text: Make = (random, no) => `${random.pick(["a", "customer", "i", "计量", "x y"])}-${no % 50}`;
const instant: Make = (random) => new Date(Date.now() - random.int(0, 80_000_000)).toISOString();
const quantity: Make = (random) =>
  random.pick<unknown>(["1", "0.5", 3, 0.25, "123456789012.123456789012", 0, "0.000001"]);

/** Shapes of the bodies, as the schemas have them. */
export const SHAPES: Record<string, Record<string, Make>> = {
  event: {
    specversion: () => "1.0",
    id: (random, no) => `e-${no}-${random.int(0, 1e6)}`,
    source: text,
    type: (random) => random.pick(["tokens", "seats", "m:1"]),
    subject: text,
    time: instant,
    data: (random) => ({ quantity: quantity(random, 0) }),
  },
  meter: {
    code: (_random, no) => `meter-${no % 40}`,
    aggregation: (random) => random.pick(["sum", "count", "max", "unique"]),
    unit: () => "unit",
    scale: (random) => random.int(0, 12),
  },
  instance: {
    instanceId: (_random, no) => `i-${no % 60}`,
    product: () => "product",
    meter: (_random, no) => `meter-${no % 40}`,
    subject: (_random, no) => `customer-${no % 60}`,
    opened: (random) => new Date(Date.UTC(2026, random.int(0, 11), 1)).toISOString(),
  },
  close: { closed: (random) => new Date(Date.UTC(2027, random.int(0, 11), 1)).toISOString() },
  source: { source: text },
  key: {
    name: (_random, no) => `key ${no % 9}`,
    role: (random) => random.pick(["ingest", "finance", "auditor"]),
  },
  rereport: { reason: () => "asked", quantity: () => "1.5" },
};

/** Makes one body from a shape; three of ten have one field changed for the worse. */
export function makeBody(shape: string, random: Random, no: number): Record<string, unknown> {
  const fields = SHAPES[shape]!;
  const body = Object.fromEntries(Object.entries(fields).map(([name, make]) => [name, make(random, no)]));
  if (!random.chance(0.3)) return body;
  const name = random.pick(Object.keys(fields));
  switch (random.int(0, 3)) {
    case 0:
      delete body[name];
      return body;
    case 1:
      return { ...body, [random.pick(["extra", "constructor", "x".repeat(300)])]: random.pick(NASTY) };
    default:
      body[name] = random.pick(NASTY);
      return body;
  }
}

/** A query or path part: mostly sound. */
export function makePart(random: Random, sound: string): string {
  const part = random.chance(0.7) ? sound : String(random.pick(NASTY)).slice(0, 500);
  try {
    return encodeURIComponent(part);
  } catch {
    return "%ED%A0%80";
  }
}

/** A request with that JSON, or once in twelve with a body that is none. */
export function withBody(request: FuzzRequest, body: unknown, random: Random): FuzzRequest {
  if (random.chance(0.04)) return { ...request, body: random.pick(RAW) };
  if (random.chance(0.01)) {
    return { ...request, headers: { ...request.headers, "content-encoding": "gzip" }, body: COMPRESSED };
  }
  return { ...request, body: JSON.stringify(body) };
}

export { createRandom, type Random };
