export function released(changelog: string, version: string, date: string): string | undefined;
export function withVersion(manifest: object, version: string): Record<string, unknown>;
