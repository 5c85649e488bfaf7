import { basename } from "node:path";

/** What can be cited: documents by their short names (`SPEC`, or a file of `docs`), and the sections of each. */
export type Library = ReadonlyMap<string, ReadonlySet<string>>;

const SECTION = String.raw`[A-Z]{0,2}\d+(?:\.(?:\d+|[A-Z]\b))*`;
const SECTIONS = `${SECTION}(?:(?:, and |, | and |–)${SECTION})*`;
const DOCUMENT = new RegExp(String.raw`(?<![\w/.-])((?:[\w.-]+/)*[\w-]+\.md)\b(?:,? (${SECTIONS}))?`, "g");
const SPEC = new RegExp(String.raw`\bSPEC (${SECTIONS})`, "g");
/**
 * Who cites: code names a document with its section; a page may name one as a whole; a specification also names other
 * parties' documents, its sources.
 */
export type Writing = "code" | "page" | "specification";

/** A design outside the repository cannot be cited. */
const UNWRITTEN = /\bdesign(?:\.md)?,? (?:rules?|measured|section)\b/g;

/**
 * The sections of a document: numbered headings (`## 2.`, `### 2.1`), items of a list or rows of a table below one
 * (`2.1.5`), and labels with a letter (`R7`; `10.H` for a vector of section 10).
 */
export function sectionsOf(text: string): Set<string> {
  const sections = new Set<string>();
  let at = "";
  for (const line of text.split("\n")) {
    const heading = /^#+ ([A-Z]{0,2}\d+(?:\.\d+)*)\.? /.exec(line)?.[1];
    if (heading !== undefined) at = heading;
    const named = /^(?:- \*\*|\| *)([A-Z]{1,2}\d+)(?:\*\*| *\|)/.exec(line)?.[1];
    const counted =
      /^(?:\| *(\d+)(?: *\||[. ])|(\d+)\. |(?:- \*\*|\*\*|\| *)?([A-Z])(?:\. |\*\*|\.\*\*| *\|))/
        .exec(line)
        ?.slice(1)
        .find(Boolean);
    for (const id of [heading, named, counted === undefined ? undefined : `${at}.${counted}`])
      if (id !== undefined) sections.add(id);
  }
  return sections;
}

/** A comment's text in one line: line breaks, with the markers that begin a comment line, become blanks. */
const inOneLine = (text: string): string => text.replace(/\s*\n[ \t]*(?:\*(?!\/)|\/\/|--|#)?[ \t]*/g, " ");

/**
 * Citations that lead nowhere: a document that does not exist, or a section that it does not have.
 * @param library what can be cited with a section
 * @param isFile whether the repository has a file of that path or name, which is not cited by section
 */
export function deadCitations(
  text: string,
  library: Library,
  isFile: (name: string) => boolean,
  writing: Writing = "code",
): string[] {
  const line = inOneLine(text);
  const dead = [...line.matchAll(UNWRITTEN)].map(([cited]) => cited);
  const check = (cited: string, name: string, sections: string | undefined): void => {
    const known = library.get(name);
    if (known === undefined) {
      if (writing !== "specification" && !isFile(cited)) dead.push(cited);
    } else if (sections === undefined) {
      if (writing === "code") dead.push(`${cited} without a section`);
    } else
      for (const [section] of sections.matchAll(new RegExp(SECTION, "g")))
        if (!known.has(section)) dead.push(`${name} ${section}`);
  };
  for (const [, cited, sections] of line.matchAll(DOCUMENT)) check(cited!, basename(cited!), sections);
  for (const [, sections] of line.matchAll(SPEC)) check("SPEC", "SPEC", sections);
  return dead;
}

/** The anchor that GitHub generates for a heading. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[`*]|\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");

/** The anchors of a page. */
export const anchorsOf = (page: string): Set<string> =>
  new Set([...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!)));

/** The targets of a page's links within the repository: path and anchor, as written. */
export const linksOf = (page: string): { path: string; anchor: string | undefined }[] =>
  [
    ...page.replace(/^```[\s\S]*?^```/gm, "").matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g),
  ].map(([, path, anchor]) => ({ path: path!, anchor }));
