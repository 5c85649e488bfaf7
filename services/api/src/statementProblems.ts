import { problemText, type ListProblem } from "@quarterpast/marketplace";
import { refusal } from "./refuse.js";

/** An unreadable line of a file, in both languages. */
export const problemToApi = (problem: ListProblem) => ({
  line: problem.line,
  column: problem.column,
  en: problemText(problem, "en"),
  zh: problemText(problem, "zh"),
});

/** The refusal of a file without a readable line: its first three problems. */
export function unreadable(problems: readonly ListProblem[]) {
  const first = problems.slice(0, 3);
  return refusal("field_invalid", {
    en: `No line of the file can be read: ${first.map((one) => problemText(one, "en")).join("; ")}`,
    zh: `文件内容无法读取：${first.map((one) => problemText(one, "zh")).join("；")}`,
  });
}
