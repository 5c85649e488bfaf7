import { nextCollection } from "../collection.js";
import type { Site } from "../options.js";
import { SECOND, formatIso } from "../time.js";
import { COLUMNS } from "./csv.js";
import { html, type Markup } from "./html.js";
import type { SdrRow } from "./list.js";
import type { Totals } from "./totals.js";
import { words, type Words } from "./words.js";

export type PageData = {
  lang: "zh" | "en";
  site: Site;
  /** Product time in milliseconds. */
  now: number;
  /** The latest records, newest first. */
  rows: SdrRow[];
  recordCount: number;
  totals: Totals;
};

const TOTALS_SHOWN = 200;

/** The page's style sheet, served separately so that the page needs no inline style. */
export const STYLE = `body{font:14px/1.5 system-ui,"Noto Sans SC","Microsoft YaHei",sans-serif;margin:2rem;color:#1c2430}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #dde2ea;white-space:nowrap}
td.n{text-align:right;font-variant-numeric:tabular-nums}.scroll{overflow-x:auto}
form{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:end;margin:0 0 1rem}
label{display:grid;gap:.2rem}td form{display:inline-flex;margin:0 .3rem 0 0}
.abnormal{color:#a3231a}.billed{color:#14662f}.pending{color:#6b5200}dt{font-weight:600}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}
`;

/** The seller's page of the marketplace: clock, countdown, states, totals, latest records. */
export function renderPage(data: PageData): string {
  const text = words[data.lang];
  const other = data.lang === "zh" ? "en" : "zh";
  const page = html`<!doctype html>
    <html lang="${data.lang === "zh" ? "zh-CN" : "en"}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta http-equiv="refresh" content="10" />
        <title>${text.title}</title>
        <link rel="stylesheet" href="/sandbox/style.css" />
      </head>
      <body>
        <h1>${text.title} · ${text.sites[data.site]}</h1>
        <p>
          <a href="/?lang=${other}" hreflang="${other}">${text.other}</a> · ${text.exports}:
          <a href="/sandbox/sdr?format=csv&amp;lang=${data.lang}">CSV</a> <a href="/sandbox/sdr">JSON</a>
        </p>
        ${clockPart(data, text)}
        <h2>${text.totals}</h2>
        ${totalsPart(data.totals, text)}
        <h2>${text.records} (${text.latest(data.rows.length, data.recordCount)})</h2>
        ${recordsPart(data.rows, text)}
      </body>
    </html> `;
  return page.markup;
}

function clockPart({ now, totals }: PageData, text: Words): Markup {
  const line = (label: string, at: number) =>
    html`<dt>${label}</dt>
      <dd>${formatIso(at)} (${text.inTime(Math.ceil((at - now) / SECOND))})</dd>`;
  const counts = Object.entries(totals.counts).map(
    ([state, count]) =>
      html`<dt>${text.states[state as keyof Words["states"]]}</dt>
        <dd class="${state}">${count}</dd>`,
  );
  return html`<dl>
    <dt>${text.productTime}</dt>
    <dd>${formatIso(now)}</dd>
    ${line(text.nextHourly, nextCollection(now, "hourly"))}${line(text.nextDaily, nextCollection(now, "daily"))}${counts}
  </dl>`;
}

function totalsPart({ totals }: Totals, text: Words): Markup {
  const head = [text.hour, text.columns.instance_id, text.usage, text.count, text.billed];
  const rows = totals
    .slice(-TOTALS_SHOWN)
    .reverse()
    .map(
      ({ hour = "", instance_id, usage, records, billed }) =>
        html`<tr>
          <td>${hour}</td>
          <td>${instance_id}</td>
          <td class="n">${usage}</td>
          <td class="n">${records}</td>
          <td class="n">${billed}</td>
        </tr>`,
    );
  return table(head, rows, text);
}

function recordsPart(rows: SdrRow[], text: Words): Markup {
  const head = COLUMNS.map((column) => text.columns[column]);
  const body = rows.map((row) => {
    const cells = COLUMNS.map((column) =>
      column === "state"
        ? html`<td class="${row.state}">${text.states[row.state]}</td>`
        : html`<td>${row[column] ?? ""}</td>`,
    );
    return html`<tr>
      ${cells}
    </tr>`;
  });
  return table(head, body, text);
}

function table(head: string[], rows: Markup[], text: Words): Markup {
  if (rows.length === 0) return html`<p>${text.nothing}</p>`;
  const cells = head.map((cell) => html`<th scope="col">${cell}</th>`);
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${cells}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}
