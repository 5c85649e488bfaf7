/**
 * What KooGallery asks beyond our own acts. The seller's service gets each under its name, as a hook of that kind.
 *
 * - `instance.check` (changeInstanceCheck): asked on the spot whether an instance may change to another specification;
 *   `{allowed: false, message}` refuses, all else allows.
 * - `order.notified` (orderNotify, koogallery.md 3.9): told, once an order line, that an order was made.
 */
export interface KooGalleryExtensions {
  "instance.check": { instanceId: string; productInfo: Record<string, unknown> };
  "order.notified": { orderId: string; orderLineId: string };
}

/** What the seller's service may say to `instance.check`. */
export interface ChangeCheck {
  allowed: boolean;
  message: string | undefined;
}

/** Reads a reply to `instance.check`: what is no refusal allows. */
export function readChangeCheck(reply: unknown): ChangeCheck {
  const { allowed, message } = (reply ?? {}) as { allowed?: unknown; message?: unknown };
  return { allowed: allowed !== false, message: typeof message === "string" ? message : undefined };
}
