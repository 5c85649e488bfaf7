export function oldestOf(engines: string): string;
export function judge(
  pin: string,
  candidates: readonly { version: string; engines?: string }[],
  node: string,
): { newest: string | undefined; beyond?: string; needs?: string } | undefined;
