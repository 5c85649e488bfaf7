import { createRandom, type Random } from "../crash/random.js";
import { damageValue } from "./damage.js";
import { fileOf } from "./files.js";
import { COMPRESSED, nastyText, RAW_BODIES, writeJson } from "./nasty.js";
import type { Operation } from "./operations.js";
import { valueOf, type Words } from "./schema.js";

/** A planned request, a function of only the seed and its number. */
export interface FuzzRequest {
  no: number;
  operation: Operation;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
  /** The events in a body for the collector. */
  events?: Record<string, unknown>[];
}

export interface Stand {
  seed: number;
  operations: readonly Operation[];
  words: Words;
  tokenOf(role: string): string;
}

/** Drawn less often, because they cost much, or fill lists without end and pages. */
const RARE: Record<string, number> = {
  "GET /v1/doctor": 0.15,
  "POST /v1/keys": 0.15,
  "GET /v1/openapi.json": 0.3,
};
/** Half of the requests go to the collector, because it is the most exposed service. */
const COLLECTOR_SHARE = 0.5;

/** The request with that number. */
export function makeRequest(stand: Stand, no: number): FuzzRequest {
  const random = createRandom(stand.seed).fork(`request ${no}`);
  const operation = pickOperation(stand.operations, random);
  const { method } = operation;
  const headers = authorize(stand, random);
  const request: FuzzRequest = { no, operation, method, headers, path: addressOf(operation, stand, random) };
  if (random.chance(0.01))
    request.method = random.pick(["PUT", "PATCH", "DELETE", "POST", "GET", "OPTIONS", "TRACE"]);
  if (operation.body) addBody(request, operation.body, stand, random);
  else if (random.chance(0.02)) setBody(request, "application/json", random.pick(RAW_BODIES));
  return request;
}

function pickOperation(operations: readonly Operation[], random: Random): Operation {
  const service = random.chance(COLLECTOR_SHARE) ? "collector" : "api";
  const those = operations.filter((operation) => operation.service === service);
  for (;;) {
    const one = random.pick(those);
    if (random.chance(RARE[one.name] ?? 1)) return one;
  }
}

function authorize({ tokenOf }: Stand, random: Random): Record<string, string> {
  if (random.chance(0.02)) return {};
  if (random.chance(0.02)) {
    const tokens = [
      "Bearer",
      "Bearer x",
      "Basic eA==",
      `Bearer ${"q".repeat(4_000)}`,
      "Bearer qp___",
      "bearer\tqp_a_b",
    ];
    return { authorization: random.pick(tokens) };
  }
  const role = random.chance(0.03) ? random.pick(["finance", "auditor", "ingest"]) : "operator";
  return { authorization: `Bearer ${tokenOf(role)}` };
}

function addressOf({ path, parameters }: Operation, { words }: Stand, random: Random): string {
  const resource = /^\/v1\/([^/]+)/.exec(path)?.[1] ?? "";
  const query: string[] = [];
  let address = path;
  for (const { name, in: place, required, schema } of parameters) {
    if (!required && random.chance(0.6)) continue;
    const sound = String(valueOf(schema, { random, words, name: `${resource}.${name}` }));
    const text = random.chance(0.1) ? spoil(sound, random) : sound;
    if (place === "path") address = address.replace(`{${name}}`, encode(text, random) || "%00");
    else if (!(required && random.chance(0.02))) query.push(`${name}=${encode(text, random)}`);
  }
  if (query.length > 0 && random.chance(0.02)) query.push(query[0]!);
  if (random.chance(0.02))
    query.push(random.pick(["extra=1", "__proto__=1", "a[b]=c", "=&=", "%", "limit=1&limit=2"]));
  return query.length > 0 ? `${address}?${query.join("&")}` : address;
}

/** Another text, or the valid one with something invalid in it, raw or JSON-escaped. */
function spoil(sound: string, random: Random): string {
  if (random.chance(0.6)) return nastyText(random);
  const at = random.int(0, sound.length);
  const bad = random.pick(["\u0000", "\\u0000", "\\ud800", '"', "\n", "é"]);
  return `${sound.slice(0, at)}${bad}${sound.slice(at)}`;
}

function encode(text: string, random: Random): string {
  if (random.chance(0.01))
    return random.pick(["%", "%00", "%ED%A0%80", "%C0%80", "..%2f..", "%2e%2e", ";", "%25%30"]);
  try {
    return encodeURIComponent(text);
  } catch {
    return "%ED%A0%80";
  }
}

function addBody(
  request: FuzzRequest,
  body: NonNullable<Operation["body"]>,
  stand: Stand,
  random: Random,
): void {
  const type = random.pick(body.types);
  if (random.chance(0.02)) return setBody(request, type, random.pick(RAW_BODIES));
  if (random.chance(0.005)) {
    const { encoding, body: packed } = random.pick(COMPRESSED);
    request.headers["content-encoding"] = encoding;
    return setBody(request, type, packed);
  }
  if (body.schema.format === "binary") return setBody(request, type, fileOf(type, stand.words, random));
  if (!body.required && random.chance(0.2)) return;
  const sent = random.chance(0.02)
    ? random.pick(["text/plain", "application/xml", `${type}; charset=utf-16`, ""])
    : type;
  const make = (): unknown => {
    const value = valueOf(body.schema, {
      random,
      words: stand.words,
      name: `${request.operation.path.split("/")[2]}.body`,
    });
    return random.chance(0.25) ? damageValue(value, random) : value;
  };
  if (request.operation.service === "api") return setBody(request, sent, corrupt(writeJson(make()), random));
  const events = Array.from(
    { length: type.includes("batch") || type.includes("ndjson") ? random.int(1, 5) : 1 },
    () => named(make(), request.no, random),
  );
  const text = type.includes("ndjson")
    ? events.map(writeJson).join("\n")
    : writeJson(type.includes("batch") ? events : events[0]);
  const wire = corrupt(text, random);
  if (wire === text) request.events = events as Record<string, unknown>[];
  setBody(request, sent, wire);
}

/** Usually gives the event its own id; some ids are repeated, with the same usage or another. */
function named(event: unknown, no: number, random: Random): unknown {
  if (typeof event !== "object" || event === null || typeof (event as { id?: unknown }).id !== "string")
    return event;
  if (random.chance(0.8)) (event as { id: string }).id = `e-${no}-${random.int(0, 1e6)}`;
  return event;
}

function corrupt(text: string, random: Random): string | Buffer {
  if (random.chance(0.985)) return text;
  const bytes = Buffer.from(text);
  switch (random.int(0, 3)) {
    case 0:
      return bytes.subarray(0, random.int(0, bytes.length));
    case 1:
      bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
      return bytes;
    case 2:
      return text.replace(/"([^"]+)":/, '"$1":0,"$1":');
    default:
      return Buffer.concat([bytes, Buffer.alloc(random.pick([1, 70_000, 1_100_000]), 0x20)]);
  }
}

function setBody(request: FuzzRequest, type: string, body: string | Buffer): void {
  if (type !== "") request.headers["content-type"] = type;
  request.body = Buffer.isBuffer(body) ? body : Buffer.from(body);
}
