/**
 * What KooGallery asks beyond our own acts. The seller's service gets each under its name, as a hook of that kind.
 *
 * - `instance.check` (changeInstanceCheck): asked synchronously whether an instance may change to another
 *   specification; `{allowed: false, message}` refuses, all else allows.
 * - `order.notified` (orderNotify, koogallery.md 3.9): notified, once per order line, that an order was placed.
 */
export interface KooGalleryExtensions {
  "instance.check": { instanceId: string; productInfo: Record<string, unknown> };
  "order.notified": { orderId: string; orderLineId: string };
}

/** A seller's service's answer to `instance.check`. */
export interface ChangeCheck {
  allowed: boolean;
  message: string | undefined;
}

/** Reads a reply to `instance.check`: anything except a refusal allows. */
export function readChangeCheck(reply: unknown): ChangeCheck {
  const { allowed, message } = (reply ?? {}) as { allowed?: unknown; message?: unknown };
  return { allowed: allowed !== false, message: typeof message === "string" ? message : undefined };
}
