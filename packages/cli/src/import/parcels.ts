import type { SendResult } from "@quarterpast/client";
import type { CloudEvent } from "@quarterpast/domain";
import { addRejections, rejectionOf, type Rejection, type Tally } from "./tally.js";

/** Whole rows that are sent together. */
export interface Parcel {
  rows: number;
  /** Bytes of the file up to the end of its last row. */
  bytes: number;
  events: CloudEvent[];
  /** Line of each event. */
  lines: number[];
  /** Its rows that were not fit to be sent. */
  rejections: Rejection[];
}

/** Creates a parcel without rows. */
export function emptyParcel(): Parcel {
  return { rows: 0, bytes: 0, events: [], lines: [], rejections: [] };
}

/**
 * Sends parcels, a few at a time, and settles them in the order of the file: the tally always covers the first rows
 * of the file.
 */
export interface ParcelSender {
  /** Sends the parcel; waits while enough are being sent. @throws the failure of an earlier parcel. */
  send(parcel: Parcel): Promise<void>;
  /** Resolves when all parcels are settled. @throws the first failure. */
  finish(): Promise<void>;
}

const MAX_UNDERWAY = 4;

/** Creates the sender. */
export function createParcelSender(deps: {
  sendEvents: (events: CloudEvent[]) => Promise<SendResult>;
  tally: Tally;
  /** Called for each settled parcel, with the tally at that moment. */
  onSettled: (parcel: Parcel, rejections: readonly Rejection[]) => Promise<void>;
  /** Called at the first failure; no later parcel is settled. */
  onFailure: () => void;
}): ParcelSender {
  const { tally } = deps;
  const turns: Promise<void>[] = [];
  let last = Promise.resolve();
  let failure: { error: unknown } | undefined;

  async function settle(parcel: Parcel, outcome: SendResult | Error): Promise<void> {
    if (outcome instanceof Error) throw outcome;
    const refused = outcome.rejected.map((rejected) => rejectionOf(rejected, parcel.lines[rejected.index]!));
    const rejections = [...parcel.rejections, ...refused].sort((a, b) => a.line - b.line);
    tally.rows += parcel.rows;
    tally.sent += parcel.events.length;
    tally.accepted += outcome.accepted;
    addRejections(tally, rejections);
    await deps.onSettled(parcel, rejections);
  }

  async function takeTurn(before: Promise<void>, parcel: Parcel, sent: Promise<SendResult>): Promise<void> {
    const outcome = await sent.catch((error: Error) => error);
    await before;
    void turns.shift();
    if (failure) return;
    try {
      await settle(parcel, outcome);
    } catch (error) {
      failure = { error };
      deps.onFailure();
    }
  }

  return {
    async send(parcel) {
      const sent = parcel.events.length === 0 ? Promise.resolve(nothing) : deps.sendEvents(parcel.events);
      last = takeTurn(last, parcel, sent);
      turns.push(last);
      if (turns.length >= MAX_UNDERWAY) await turns[0];
      if (failure) throw failure.error;
    },
    async finish() {
      await last;
      if (failure) throw failure.error;
    },
  };
}

const nothing: SendResult = { accepted: 0, rejected: [] };
