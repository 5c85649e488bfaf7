/** What the auditor found. */
export interface Findings {
  violations: { id: string; detail: string }[];
  lost: number;
  doubled: number;
  found(id: string, detail: string): void;
}

/** Details listed per invariant; further ones are only counted. */
const TOLD = 5;

export function createFindings(): Findings & { finish(): void } {
  const counts = new Map<string, number>();
  const findings: Findings & { finish(): void } = {
    violations: [],
    lost: 0,
    doubled: 0,
    found(id, detail) {
      const count = (counts.get(id) ?? 0) + 1;
      counts.set(id, count);
      if (count <= TOLD) findings.violations.push({ id, detail });
    },
    finish() {
      for (const [id, count] of counts) {
        if (count > TOLD) findings.violations.push({ id, detail: `… and ${count - TOLD} more` });
      }
    },
  };
  return findings;
}
