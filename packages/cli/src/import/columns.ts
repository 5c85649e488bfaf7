import type { InputFile } from "./text.js";
import { wrongFile } from "./text.js";

/** Checks that each needed column exists exactly once. @throws CliError 2 that lists the existing columns. */
export function requireColumns(file: InputFile, found: readonly string[], needed: readonly string[]): void {
  const names = found.map((name) => name.trim());
  for (const column of needed) {
    const times = names.filter((name) => name === column).length;
    if (times === 1) continue;
    const there = names.map((name) => JSON.stringify(name)).join(", ");
    if (times > 1) {
      throw wrongFile(
        `${file.name} names the column ${JSON.stringify(column)} ${times} times: ${there}`,
        `${file.name} 中列 ${JSON.stringify(column)} 出现了 ${times} 次：${there}`,
      );
    }
    throw wrongFile(
      `${file.name} has no column ${JSON.stringify(column)}; its columns are ${there}`,
      `${file.name} 中没有列 ${JSON.stringify(column)}；现有的列为 ${there}`,
    );
  }
}
