import { parseAst } from "vitest/node";

interface Node {
  type: string;
  callee?: Node;
  object?: Node;
  property?: Node & { name?: string };
  tag?: Node;
  name?: string;
  arguments?: Node[];
  value?: unknown;
  quasis?: { value: { cooked: string } }[];
}

/** Ways to declare a test that runs; `skip`, `todo` and `fails` do not run it. */
const RUNNING = new Set(["each", "for", "skipIf", "runIf", "concurrent", "sequential"]);

/** Whether an expression declares a test: `test`, `test.each(…)`, a chain of those. */
function declares(node: Node | undefined): boolean {
  switch (node?.type) {
    case "Identifier":
      return node.name === "test" || node.name === "it";
    case "MemberExpression":
      return RUNNING.has(node.property?.name ?? "") && declares(node.object);
    case "CallExpression":
      return declares(node.callee);
    case "TaggedTemplateExpression":
      return declares(node.tag);
    default:
      return false;
  }
}

/** A title as written: the text of a string, or of a template with `…` for each expression. */
function textOf(node: Node | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral") return node.quasis!.map(({ value }) => value.cooked).join("…");
  return undefined;
}

function collect(node: unknown, titles: Set<string>): void {
  if (Array.isArray(node)) {
    for (const one of node) collect(one, titles);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  const { type, callee, arguments: given } = node as Node;
  if (type === "CallExpression" && declares(callee)) {
    const title = textOf(given![0]);
    if (title !== undefined) titles.add(title);
  }
  for (const value of Object.values(node)) if (typeof value === "object") collect(value, titles);
}

/** The titles of the tests that a source declares and that run: `test("…")`, `test.each(…)("…")`. */
export function testTitles(source: string): Set<string> {
  const titles = new Set<string>();
  collect(parseAst(source, { lang: "ts" }).body, titles);
  return titles;
}
