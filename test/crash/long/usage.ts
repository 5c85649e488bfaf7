import { setTimeout as sleep } from "node:timers/promises";
import { TOKEN } from "../world.js";
import { instanceId, subjectOf, type ValidTotal } from "./stage.js";

const PER_REQUEST = 1_000;
const AT_ONCE = 8;

/**
 * One consumption of an instance; its quantity follows from instance and hour, so that every sum can be recomputed.
 */
export const quantityOf = (instance: number, hourMs: number): string =>
  `${(instance % 97) + 1}.${String(Math.floor(hourMs / 3_600_000) % 10)}`;

/** A request's events. */
export interface Events {
  ids: string[];
  body: string;
}

/** One event of each instance in an hour, split into requests. */
export function* hourOfUsage(instances: number, hourMs: number, each = 1): Generator<Events> {
  // Early in its hour, so that no collector rejects it as being in the future.
  const time = new Date(Math.floor(hourMs / 3_600_000) * 3_600_000 + 60_000).toISOString();
  let batch: object[] = [];
  const ids = () => batch.map((event) => (event as { id: string }).id);
  for (let no = 0; no < instances * each; no += 1) {
    const instance = no % instances;
    batch.push({
      specversion: "1.0",
      id: `${hourMs}-${no}`,
      source: "long",
      type: "tokens",
      subject: subjectOf(instance),
      time,
      data: { quantity: quantityOf(instance, hourMs) },
    });
    if (batch.length < PER_REQUEST) continue;
    yield { ids: ids(), body: JSON.stringify(batch) };
    batch = [];
  }
  if (batch.length > 0) yield { ids: ids(), body: JSON.stringify(batch) };
}

/** Sends every request until it is acknowledged. @returns the number of acknowledged events */
export async function send(collectors: readonly string[], requests: Iterator<Events>): Promise<number> {
  let acknowledged = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, lane) => {
      for (let next = requests.next(); !next.done; next = requests.next()) {
        const { ids, body } = next.value;
        while (!(await isTaken(collectors[lane % collectors.length]!, body))) await sleep(100);
        acknowledged += ids.length;
      }
    }),
  );
  return acknowledged;
}

async function isTaken(url: string, body: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/cloudevents-batch+json" };
  try {
    const response = await fetch(`${url}/v1/events`, { method: "POST", headers, body });
    const answer = (await response.json()) as { rejected?: unknown[] };
    if (answer.rejected && answer.rejected.length > 0)
      throw new Error(`refused: ${JSON.stringify(answer.rejected[0])}`);
    return response.status === 202;
  } catch (error) {
    if (String(error).startsWith("Error: refused")) throw error;
    return false;
  }
}

/** Compares the marketplace's records with what was used: one record each with the whole quantity, and no other. */
export function compare(
  found: readonly ValidTotal[],
  instances: number,
  hours: readonly number[],
): { missing: number; doubled: number; different: number } {
  const left = new Map<string, string>();
  for (const hour of hours)
    for (let no = 0; no < instances; no += 1) left.set(`${instanceId(no)} ${hour}`, quantityOf(no, hour));
  let [doubled, different] = [0, 0];
  for (const { instance_id, hour, usage, records } of found) {
    const key = `${instance_id} ${Date.parse(hour)}`;
    if (records > 1) doubled += 1;
    else if (!left.has(key) || Number(usage) !== Number(left.get(key))) different += 1;
    left.delete(key);
  }
  return { missing: left.size, doubled, different };
}
