import { randomBytes } from "node:crypto";

/** Number of customers in the measured usage, one instance each. */
export const SUBJECTS = 1_000;
export const METER = "context-tokens";

/** The name of a customer. */
export function subjectOf(index: number): string {
  return `customer-${String(index).padStart(5, "0")}`;
}

/** One usage event as a product service sends it. */
export function usageEvent(id: string, now: number): Record<string, unknown> {
  return {
    specversion: "1.0",
    id,
    source: "gateway",
    type: METER,
    subject: subjectOf(Math.floor(Math.random() * SUBJECTS)),
    time: new Date(now - Math.floor(Math.random() * 60_000)).toISOString(),
    data: { quantity: String(1 + Math.floor(Math.random() * 9_999)) },
  };
}

const ID_PLACE = "00000000-0000-7000-8000-000000000000";
const HEX = Buffer.from("0123456789abcdef", "latin1");

/**
 * Creates bodies with new ids in each; the rest is prepared before the measurement, which would include it otherwise.
 */
export interface BodyMaker {
  next(): Buffer;
}

/**
 * Bodies of `size` events each, with UUIDv7 ids like those of the SDK; with `size` 1 a body is one event, not an
 * array.
 */
export function createBodyMaker(size: number, templates: number): BodyMaker {
  const made = Array.from({ length: templates }, () => template(size));
  const node = randomBytes(2).toString("hex");
  let at = 0;
  let count = 0;
  return {
    next() {
      const { body, places } = made[(at = (at + 1) % templates)]!;
      const time = Date.now().toString(16).padStart(12, "0");
      for (const place of places) {
        body.write(`${time.slice(0, 8)}-${time.slice(8)}-7`, place, "latin1");
        const random = Math.floor(Math.random() * 4_096);
        body[place + 15] = HEX[random >> 8]!;
        body[place + 16] = HEX[(random >> 4) & 15]!;
        body[place + 17] = HEX[random & 15]!;
        body.write(node.slice(1), place + 20, "latin1");
        let rest = (count += 1);
        for (let digit = place + 35; digit >= place + 24; digit -= 1) {
          body[digit] = HEX[rest & 15]!;
          rest = Math.floor(rest / 16);
        }
      }
      return body;
    },
  };
}

function template(size: number): { body: Buffer; places: number[] } {
  const now = Date.now();
  const events = Array.from({ length: size }, () => usageEvent(ID_PLACE, now));
  const body = Buffer.from(JSON.stringify(size === 1 ? events[0] : events), "utf8");
  const places: number[] = [];
  for (let from = body.indexOf(ID_PLACE); from >= 0; from = body.indexOf(ID_PLACE, from + 1))
    places.push(from);
  return { body, places };
}
