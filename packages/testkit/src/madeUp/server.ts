import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A record as received. */
export interface MadeUpRecord {
  at: string;
  instance: string;
  ref: string;
  units: string;
}

/** Answers a call in place of the server; `accept` takes its records first. */
export type MadeUpFault = (response: ServerResponse, accept: () => void) => void;

/** The made-up marketplace itself: one record per instance and hour, the first wins; it answers record by record. */
export interface MadeUpServer {
  url: string;
  host: string;
  /** Its records, by the instance and hour that they fill. */
  filed: ReadonlyMap<string, MadeUpRecord>;
  /** Keeps a record that came from elsewhere. */
  hold(record: MadeUpRecord): void;
  /** Loses what it has of an instance. @returns that */
  forget(instance: string): MadeUpRecord[];
  /** Bodies of the calls, the oldest first. */
  bodies: readonly string[];
  /** Whether it says how much the hour that is taken holds. */
  tells: boolean;
  /** Used up one per call. */
  faults: MadeUpFault[];
  /** Refs of records that make a whole call fail. */
  poison: Set<string>;
  /** Answers for single records, by ref, in place of its own; used up. */
  answers: Map<string, string>;
  close(): Promise<void>;
}

/** Starts the marketplace on a free port of loopback. */
export async function startMadeUpServer(key: string): Promise<MadeUpServer> {
  const filed = new Map<string, MadeUpRecord>();
  const bodies: string[] = [];
  const http = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server: MadeUpServer = {
    ...{
      url: `http://${host}`,
      host,
      filed,
      bodies,
      tells: true,
      faults: [],
      poison: new Set(),
      answers: new Map(),
    },
    forget(instance) {
      const lost = [...filed].filter(([, record]) => record.instance === instance);
      for (const [slot] of lost) filed.delete(slot);
      return lost.map(([, record]) => record);
    },
    hold: (record) => void filed.set(slotOf(record), record),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET") return void response.end(JSON.stringify({ days: dayTotals() }));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    bodies.push(body);
    const answer = (): [number, object] => take(request.headers["x-key"], body);
    const fault = server.faults.shift();
    if (fault) return fault(response, () => void answer());
    const [status, reply] = answer();
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(reply));
  }

  function take(given: unknown, body: string): [number, object] {
    if (given !== key) return [403, { code: "BAD_KEY" }];
    const { records } = JSON.parse(body) as { records: MadeUpRecord[] };
    if (records.length > 25 || records.some(({ ref }) => server.poison.has(ref)))
      return [400, { code: "BAD_CALL" }];
    return [200, { code: "TAKEN", results: records.map(file) }];
  }

  /** Its statement: units by instance and day, without a word of single records. */
  function dayTotals(): object[] {
    const totals = new Map<string, number>();
    for (const { instance, at, units } of filed.values()) {
      const key = `${at.slice(0, 8)} ${instance}`;
      totals.set(key, (totals.get(key) ?? 0) + Number(units));
    }
    return [...totals].map(([key, units]) => ({
      day: key.slice(0, 8),
      instance: key.slice(9),
      units: String(units),
    }));
  }

  const slotOf = ({ instance, at }: MadeUpRecord): string => `${instance} ${at.slice(0, 11)}`;

  function file(record: MadeUpRecord): object {
    const { ref } = record;
    const told = server.answers.get(ref);
    server.answers.delete(ref);
    if (told === "SILENT") return {};
    if (told !== undefined) return { ref, status: told };
    const slot = slotOf(record);
    const held = filed.get(slot);
    if (!held) filed.set(slot, record);
    const isSame = held?.ref === ref && held.units === record.units;
    if (held && !isSame) return { ref, status: "HELD", ...(server.tells && { held: held.units }) };
    return { ref, status: held ? "SAME" : "TAKEN", receipt: `R-${slot}` };
  }

  return server;
}
