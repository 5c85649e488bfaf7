import { formatInstant, type Micros } from "@quarterpast/domain";
import type {
  ApiKey,
  HourSummary,
  Instance,
  KnownSource,
  RecordDetail,
  RecordView,
  StoredMeter,
} from "@quarterpast/store";

/** An instant in the api's form. */
export const iso = formatInstant;

export const isoOrNull = (at: Micros | null): string | null => (at === null ? null : formatInstant(at));

/** A page: its items, and the cursor of the next one. Pages are read with one item more than asked for. */
export function page<T, A>(
  read: readonly T[],
  limit: number,
  toApi: (item: T) => A,
  cursorOf: (item: T) => string,
) {
  const items = read.slice(0, limit);
  return { items: items.map(toApi), next: read.length > limit ? cursorOf(items.at(-1)!) : null };
}

export function meterToApi({ code, aggregation, unit, scale }: StoredMeter) {
  return { code, aggregation, unit, scale };
}

export function instanceToApi(
  { instanceId, product, meter, subject, cycle, opened, closed }: Instance,
  account: string,
) {
  return {
    account,
    instanceId,
    product,
    meter,
    subject,
    cycle,
    opened: iso(opened),
    closed: isoOrNull(closed),
  };
}

export function sourceToApi({ source, expected, lastHeard }: KnownSource) {
  return {
    source,
    expected: expected.map(({ meter, since }) => ({ meter: meter || null, since: iso(since) })),
    lastHeard: isoOrNull(lastHeard),
  };
}

export function keyToApi({ keyId, name, role, sources, accounts, createdAt, revokedAt }: ApiKey) {
  return {
    id: keyId,
    name,
    role,
    sources,
    accounts,
    createdAt: iso(createdAt),
    revokedAt: isoOrNull(revokedAt),
  };
}

export function hourToApi(hour: HourSummary, account: string, windowEnds: Micros) {
  return {
    account,
    ...hour,
    hour: iso(hour.hour),
    sealedAt: isoOrNull(hour.sealedAt),
    windowEnds: iso(hour.windowEnds ?? windowEnds),
  };
}

export function recordToApi(record: RecordView) {
  return {
    ...record,
    hour: iso(record.hour),
    begin: iso(record.begin),
    end: iso(record.end),
    settledAt: isoOrNull(record.settledAt),
    windowEnds: iso(record.windowEnds),
  };
}

export function recordDetailToApi(record: RecordDetail) {
  return {
    ...record,
    ...recordToApi(record),
    attemptsMade: record.attemptsMade.map((attempt) => ({ ...attempt, at: iso(attempt.at) })),
    outcomes: record.outcomes.map((outcome) => ({ ...outcome, at: iso(outcome.at) })),
    rereports: record.rereports.map((wish) => ({
      ...wish,
      askedAt: iso(wish.askedAt),
      ...{ begin: isoOrNull(wish.begin), end: isoOrNull(wish.end), doneAt: isoOrNull(wish.doneAt) },
    })),
  };
}
