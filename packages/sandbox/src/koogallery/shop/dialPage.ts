import { html, type Markup } from "../views/html.js";
import type { DialRun, DialTests } from "./dialTests.js";

const words = {
  zh: {
    title: "拨测（每日上午、下午）",
    hidden: (days: number) => `连续 ${days} 天拨测失败：商品已隐藏，交易已冻结。一次拨测成功后恢复。`,
    failing: (days: number) => `已连续 ${days} 天拨测失败，满 5 天商品将被隐藏。`,
    nothing: "尚未拨测",
    passed: (cases: number) => `${cases} 个用例全部成功`,
    failed: (count: number, cases: number) => `${cases} 个用例中 ${count} 个失败`,
    columns: ["应拨测时间（UTC）", "结果", "失败用例"],
  },
  en: {
    title: "Dial tests (each morning and afternoon)",
    hidden: (days: number) =>
      `They failed on ${days} days on end: the product is hidden and trading is frozen, until a run passes.`,
    failing: (days: number) => `They failed on ${days} days on end; after 5 the product is hidden.`,
    nothing: "None yet",
    passed: (cases: number) => `all ${cases} cases passed`,
    failed: (count: number, cases: number) => `${count} of ${cases} cases failed`,
    columns: ["Due (UTC)", "Outcome", "Failed cases"],
  },
} as const;

/** The dial tests on the page. */
export function renderDialTests(lang: "zh" | "en", dialTests: DialTests): Markup {
  const text = words[lang];
  const days = dialTests.failingDays();
  const runs = dialTests.runs();
  const state = dialTests.isHidden() ? text.hidden(days) : days > 0 ? text.failing(days) : "";
  const head = text.columns.map((column) => html`<th scope="col">${column}</th>`);
  return html`<h2>${text.title}</h2>
    <p>${runs.length === 0 ? text.nothing : state}</p>
    <table>
      <thead>
        <tr>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${runs.map((run) => rowOf(lang, run))}
      </tbody>
    </table>`;
}

function rowOf(lang: "zh" | "en", { slot, cases, failed }: DialRun): Markup {
  const text = words[lang];
  const told = failed.map(
    ({ version, mode, name, problems }) =>
      html`${version} ${mode} ${name}: ${problems.map((problem) => problem[lang]).join("; ")}<br />`,
  );
  return html`<tr>
    <td>${slot}</td>
    <td>${failed.length === 0 ? text.passed(cases) : text.failed(failed.length, cases)}</td>
    <td>${told}</td>
  </tr>`;
}
