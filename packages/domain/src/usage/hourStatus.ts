/** The result of sealing an hour: all expected sources were heard, there was no usage, or something is missing. */
export const HOUR_STATUSES = ["complete", "nothing", "incomplete"] as const;
export type HourStatus = (typeof HOUR_STATUSES)[number];
