import {
  accountOf,
  eventKey,
  hashOf,
  hourOf,
  keyIsId,
  refusalOf,
  type CountedEvent,
  type Meter,
  type Micros,
  type QuarantineReason,
  type UsageEvent,
} from "@quarterpast/domain";
import type { Binding, EventRow } from "@quarterpast/store";

/** An event with the instance that counts it, or the reason why none does. */
export interface BoundEvent {
  event: UsageEvent;
  key: string;
  sourceNo: number;
  binding: Binding | undefined;
  meter: Meter | undefined;
  reason: QuarantineReason | undefined;
  /** Code of the account that it names. */
  account: string | undefined;
  /** The event as received, if its fields cannot be stored. */
  raw?: Buffer | undefined;
}

/** A storable stand-in for an event that the database refuses, with the event as received. */
export type PoisonEvent = UsageEvent & { raw: Buffer };

/** An event with its identity. */
export type KeyedEvent = Pick<BoundEvent, "event" | "key" | "sourceNo">;

/** Binds a poison event to nothing: it waits, complete, for a person. */
export function bindPoison(event: PoisonEvent, sourceNumbers: ReadonlyMap<string, number>): BoundEvent {
  const { source, id, raw } = event;
  const unbound = { binding: undefined, meter: undefined, account: undefined };
  const reason = "cannot_be_stored";
  return { event, key: eventKey(id), sourceNo: sourceNumbers.get(source)!, ...unbound, reason, raw };
}

/** What decides the account of an event, besides its instance. */
export interface Whose {
  /** Codes of existing accounts, including those that the events name. */
  accounts: ReadonlySet<string>;
  /** Code of the account that a rule names, if several have a live instance for an event that names none. */
  chosen?: string | undefined;
}

/**
 * Finds the instance of an event's subject and meter that lived when it occurred, over all accounts or in the one
 * that it names. If several accounts have one and it names none, it waits: nothing is guessed (SPEC U1).
 * @param lives of its subject
 */
export function bindEvent(
  { event, key, sourceNo }: KeyedEvent,
  lives: readonly Binding[],
  meter: Meter | undefined,
  whose: Whose,
): BoundEvent {
  const account = accountOf(event);
  const found = findLife(lives, event, account, whose.chosen);
  const binding = found === SEVERAL ? undefined : found;
  const correcting = event.extensions?.corrects ?? event.extensions?.cancels;
  const isUnknown = account !== undefined && !whose.accounts.has(account);
  const counting = meter
    ? (refusalOf(meter, event) ?? (isUnknown ? "unknown_account" : whyUnbound(lives, found, event, account)))
    : "unknown_meter";
  // The event that it corrects decides what it counts for: see correct.ts.
  const reason = correcting === undefined ? counting : "correction_waits";
  return { event, key, sourceNo, meter, binding, reason, account };
}

const SEVERAL = "several";

/** Within an account, lives of a subject and meter do not overlap: a second one is another account's. */
function findLife(
  lives: readonly Binding[],
  event: UsageEvent,
  account: string | undefined,
  chosen: string | undefined,
): Binding | typeof SEVERAL | undefined {
  let found: Binding | undefined;
  let isSeveral = false;
  for (const life of lives) {
    if (!isOf(life, event, account) || !livedAt(life, event.time)) continue;
    if (life.account === chosen) return life;
    isSeveral = found !== undefined;
    found ??= life;
  }
  return isSeveral ? SEVERAL : found;
}

function isOf(life: Binding, { meter }: UsageEvent, account: string | undefined): boolean {
  return life.meter === meter && (account === undefined || life.account === account);
}

function livedAt(life: Binding, at: Micros): boolean {
  return life.opened <= at && (life.closed === null || at < life.closed);
}

function whyUnbound(
  lives: readonly Binding[],
  found: Binding | typeof SEVERAL | undefined,
  event: UsageEvent,
  account: string | undefined,
): QuarantineReason | undefined {
  const { time } = event;
  if (found === SEVERAL) return "ambiguous_account";
  if (found) {
    return found.suspensions.some(({ begin, end }) => begin <= time && time < end)
      ? "instance_suspended"
      : undefined;
  }
  const closedBefore = lives.some(
    (life) => isOf(life, event, account) && life.closed !== null && life.closed <= time,
  );
  return closedBefore ? "instance_closed" : "unknown_instance";
}

/** The ledger's row of an event: counted in the first open hour of its shard, or waiting without one. */
export function toRow(
  { event, key, sourceNo, binding, reason, account }: BoundEvent,
  openHours: ReadonlyMap<number, Micros>,
): EventRow {
  const counted = reason === undefined && binding !== undefined;
  return {
    sourceNo,
    key,
    id: keyIsId(key) ? null : event.id,
    payloadHash: counted ? null : hashOf(event),
    subject: event.subject,
    meter: event.meter,
    occurred: event.time,
    instanceNo: counted ? binding.instanceNo : null,
    billHour: counted ? billHourOf(event.time, binding.shard, openHours) : null,
    quantity: event.quantity ?? null,
    value: event.value ?? null,
    account: account ?? null,
    extensions: event.extensions ? JSON.stringify(event.extensions) : null,
  };
}

/** Late usage rolls forward to the first open hour (SPEC 4). */
export function billHourOf(time: Micros, shard: number, openHours: ReadonlyMap<number, Micros>): Micros {
  const open = openHours.get(shard);
  if (open === undefined) throw new Error(`shard ${shard} has no row: the database was not prepared`);
  return Math.max(hourOf(time), open);
}

/** The fields of a counted event that folding needs. */
export function toCounted(bound: BoundEvent, row: EventRow): CountedEvent {
  return {
    shard: bound.binding!.shard,
    instanceNo: row.instanceNo!,
    aggregation: bound.meter!.aggregation,
    originHour: hourOf(row.occurred),
    billHour: row.billHour!,
    quantity: bound.event.quantity,
    value: bound.event.value,
  };
}
