import { parseAst } from "vitest/node";

interface Node {
  type: string;
  start: number;
  end: number;
  value?: unknown;
  regex?: unknown;
}

type Range = readonly [from: number, to: number];

/** Texts and regular expressions of a source: what looks like a comment in there is none. */
function literalsOf(node: unknown): Range[] {
  if (Array.isArray(node)) return node.flatMap(literalsOf);
  if (typeof node !== "object" || node === null) return [];
  const { type, value, regex, start, end } = node as Node;
  if (
    type === "TemplateElement" ||
    (type === "Literal" && (typeof value === "string" || regex !== undefined))
  )
    return [[start, end]];
  return Object.values(node).flatMap(literalsOf);
}

const LANGUAGES = [
  [/\.d\.m?ts$/, "dts"],
  [/\.m?ts$/, "ts"],
  [/\.m?js$/, "js"],
] as const;

const COMMENT = /\/\/.*(?:\n[ \t]*\/\/.*)*|\/\*[\s\S]*?\*\//g;

/** The comments of a source in order, each as one line without its markers; of a file of SQL those of whole lines. */
export function commentsOf(path: string, source: string): string[] {
  if (path.endsWith(".sql"))
    return [...source.matchAll(/^[ \t]*--.*(?:\n[ \t]*--.*)*/gm)].map(([run]) => inOneLine(run, /\s*--\s*/g));
  const lang = LANGUAGES.find(([ending]) => ending.test(path))![1];
  const literals = literalsOf(parseAst(source, { lang }).body).sort(([a], [b]) => a - b);
  const comments: string[] = [];
  let next = 0;
  COMMENT.lastIndex = 0;
  for (let found = COMMENT.exec(source); found; found = COMMENT.exec(source)) {
    while (next < literals.length && literals[next]![1] <= found.index) next += 1;
    const [from, to] = literals[next] ?? [Infinity, Infinity];
    if (from <= found.index) COMMENT.lastIndex = to;
    else comments.push(inOneLine(found[0], /^\/\*+\s*|\s*\*\/$|\s*\n\s*\*?\s*|\s*\/\/\s*/g));
  }
  return comments;
}

const inOneLine = (comment: string, markers: RegExp): string =>
  comment.replace(markers, " ").replace(/ +/g, " ").trim();
