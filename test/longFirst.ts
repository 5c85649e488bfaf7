import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The files that take longest, longest first. On a fresh machine vitest knows no durations: one of these begun last would
 * run when the other workers have nothing left.
 */
const LONGEST = [
  "packages/cli/test/up.test.ts",
  "packages/cli/test/upAccounts.test.ts",
  "services/storefront/test/process.test.ts",
  "services/collector/test/outages.test.ts",
  "services/collector/test/process.test.ts",
  "test/proof/commands.test.ts",
  "services/reporter/test/reporter.test.ts",
  "services/reporter/test/oldPush.test.ts",
  "services/reporter/test/prove.test.ts",
  "test/fuzz/fuzz.test.ts",
  "test/model/ledger.test.ts",
  "test/e2e/spool.test.ts",
  "test/e2e/corrections.test.ts",
  "test/proof/namedAccount.test.ts",
  "test/proof/drill.test.ts",
];

/** Begins with the files that take longest; all others keep vitest's own order. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = (file: TestSpecification) => {
      const at = LONGEST.indexOf(relative(this.ctx.config.root, file.moduleId));
      return at < 0 ? LONGEST.length : at;
    };
    const group = (file: TestSpecification) => file.project.config.sequence.groupOrder;
    return (await super.sort(files)).sort((a, b) => group(a) - group(b) || place(a) - place(b));
  }
}
