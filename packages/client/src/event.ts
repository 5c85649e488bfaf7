import { parseQuantity, quantityAdvice, type CloudEvent } from "@quarterpast/domain/usage";

/** One consumption, as a product service reports it. */
export interface UsageInput {
  /** Identity within the source. Give your own (a request id) if the work itself may be repeated. */
  id?: string;
  /** Who consumed: the customer, as the seller's instances name it. */
  subject: string;
  /** Code of the meter. */
  meter: string;
  /** When it was consumed: never the time of sending. A text is RFC 3339 with a zone. */
  time: Date | string;
  /** For `sum` and `max` meters. Use decimal text if a number is not exact. */
  quantity?: string | number | bigint;
  /** For `unique` meters. */
  value?: string;
  /**
   * Code of the seller account whose instance it is about; by default that of the client, if it has one. Needed only
   * if several accounts have an instance of this subject and meter at the same time.
   */
  account?: string;
  /** CloudEvents extension attributes, kept with the event. */
  extensions?: Record<string, string | number | boolean>;
}

/** What the events of one client share: the source, and the account that they name unless an event names another. */
export interface EventDefaults {
  source: string;
  account?: string | undefined;
}

/** The CloudEvent of a consumption. @throws RangeError for an invalid Date, or a quantity that cannot be kept exactly. */
export function toCloudEvent(input: UsageInput, defaults: EventDefaults, newId: () => string): CloudEvent {
  const { source } = defaults;
  const account = input.account ?? defaults.account;
  const { subject, meter, time, quantity, value, extensions } = input;
  const data: NonNullable<CloudEvent["data"]> = {};
  if (quantity !== undefined) data.quantity = exact(quantity);
  if (value !== undefined) data.value = value;
  const attributes = {
    specversion: "1.0",
    id: input.id ?? newId(),
    source,
    type: meter,
    subject,
    time: typeof time === "string" ? time : time.toISOString(),
    data,
  };
  return { ...extensions, ...(account !== undefined && { account }), ...attributes } as CloudEvent;
}

function exact(quantity: string | number | bigint): string {
  const given = typeof quantity === "bigint" ? String(quantity) : quantity;
  const text = parseQuantity(given);
  if (text === undefined) throw new RangeError(`quantity ${quantity}: ${quantityAdvice(given)}`);
  return text;
}
