import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "vite";
import { expect, test } from "vitest";

const SERVICES = fileURLToPath(new URL("../../services/", import.meta.url));

/**
 * The rule: in a money-path file, a function that awaits an effect (a call of EFFECTS) contains a fault point, or the
 * function around it does. A fault point is `faultPoint("…")`. Exemptions are in ALLOWED, with their reasons.
 */
const FILES = [
  "collector/src/flush.ts",
  "collector/src/settle.ts",
  "collector/src/journal/journal.ts",
  "collector/src/journal/segment.ts",
  "collector/src/journal/recover.ts",
  "aggregator/src/aggregator.ts",
  "aggregator/src/batch.ts",
  "aggregator/src/correct.ts",
  "aggregator/src/count.ts",
  "aggregator/src/known.ts",
  "aggregator/src/poison.ts",
  "aggregator/src/release.ts",
  "aggregator/src/retention.ts",
  "reporter/src/seal.ts",
  "reporter/src/cases.ts",
  "reporter/src/dispatch.ts",
  "reporter/src/probe.ts",
  "reporter/src/freeze.ts",
  "reporter/src/submit.ts",
  "reporter/src/reconcile.ts",
  "reporter/src/rereport.ts",
  "reporter/src/prove.ts",
  "reporter/src/prover.ts",
  "reporter/src/reporter.ts",
];

/** Calls that reach a server or a disk: of a file handle, the queue, the ledger, the adapter, or these modules. */
const METHODS = new Set([
  ...["add", "append", "register", "readReceipts", "writeWatermark"],
  ...["write", "sync", "datasync", "close", "read", "writeFile"],
  ...["submit", "statement", "probe", "query", "reclaim"],
]);
const MODULES = ["@quarterpast/store", "node:fs/promises"];

const ALLOWED: Record<string, string> = {
  "collector/src/journal/journal.ts closeSegment": "gives back a handle; the bytes were synced before",
  "collector/src/journal/journal.ts openJournal": "at the start, before anything is acknowledged",
  "collector/src/journal/journal.ts close": "at the end, after all is written",
  "collector/src/journal/journal.ts readPlace": "reads alone",
  "collector/src/journal/segment.ts writeAll": "its callers stand between two fault points",
  "collector/src/journal/segment.ts syncDir": "its callers stand after a fault point",
  "collector/src/journal/recover.ts":
    "at the start, before anything is acknowledged; what it changes it finds again",
  "collector/src/settle.ts skipForeign": "reads alone",
  "aggregator/src/correct.ts run": "reads alone; what it found is looked at again in the transaction",
  "aggregator/src/correct.ts module":
    "inside the transaction of its caller, which has fault points around it",
  "aggregator/src/count.ts countOnce":
    "its transaction's body holds them: before each write and before the commit",
  "aggregator/src/count.ts rehearseBatch": "takes everything back",
  "aggregator/src/known.ts sources": "numbers of sources are never taken back; the batch is run again",
  "aggregator/src/batch.ts chooseAccounts": "reads alone",
  "aggregator/src/known.ts accounts": "reads alone",
  "aggregator/src/known.ts lives": "reads alone",
  "aggregator/src/known.ts meters": "reads alone",
  "reporter/src/seal.ts judgeHour": "reads alone",
  "reporter/src/rereport.ts refusalOf": "reads alone, inside the transaction of its caller",
  "reporter/src/dispatch.ts look": "reads alone",
  "reporter/src/freeze.ts findCarriable":
    "inside the transaction of its caller, which has fault points around it",
  "reporter/src/freeze.ts planAll": "reads alone",
  "reporter/src/freeze.ts insertIntent": "its callers hold points before it and before their commit",
  "reporter/src/submit.ts insertPieces": "its caller holds points before it and before its commit",
  "reporter/src/rereport.ts file": "its caller holds points before it and before its commit",
  "reporter/src/prover.ts run": "reads alone; what it calls holds points",
  "reporter/src/prover.ts isQuiet": "reads alone",
  "reporter/src/prove.ts proveHours": "reads alone; what it calls holds points",
  "reporter/src/prove.ts makeManifest": "its caller holds points before it and before the commit",
  "reporter/src/prove.ts keepProofs": "its caller holds points before it and before the commit",
  "reporter/src/reporter.ts module": "a gauge",
  "reporter/src/reporter.ts stop": "at the end",
};

interface Node {
  type: string;
  [field: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value;

function childrenOf(node: Node): Node[] {
  return Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}

const isFunction = ({ type }: Node) => /Function/.test(type) && type !== "TSFunctionType";

function nameOf(callee: Node): { method?: string; name?: string } {
  if (callee.type === "Identifier") return { name: callee.name as string };
  const property = callee.property as Node | undefined;
  return property?.type === "Identifier" ? { method: property.name as string } : {};
}

/** Names that a file imports from modules that reach a server or a disk. */
function effectsImported(program: Node): Set<string> {
  const found = new Set<string>();
  for (const node of program.body as Node[]) {
    if (node.type !== "ImportDeclaration" || node.importKind === "type") continue;
    if (!MODULES.includes((node.source as { value: string } & Node).value)) continue;
    for (const { local, importKind } of node.specifiers as (Node & { local: Node })[]) {
      if (importKind !== "type") found.add(local.name as string);
    }
  }
  for (const pure of ["inTransaction", "sqlState"]) found.delete(pure);
  return found;
}

interface Found {
  place: string;
  effects: string[];
  hasPoint: boolean;
}

/** Every function with the effects that it awaits; a point in a function also counts for functions inside it. */
function inspect(program: Node, imported: Set<string>): Found[] {
  const all: Found[] = [];
  const visit = (node: Node, name: string, current: Found | undefined): void => {
    let here = current;
    if (isFunction(node)) {
      const own = (node.id as Node | undefined)?.name as string | undefined;
      here = { place: own ?? name, effects: [], hasPoint: holdsPoint(node) };
      if (current?.hasPoint) here.hasPoint = true;
      all.push(here);
    }
    if (node.type === "AwaitExpression" || node.type === "ReturnStatement") {
      for (const call of callsIn(node.argument as Node | undefined)) {
        const { name: called, method } = nameOf(call.callee as Node);
        if ((called && imported.has(called)) || (method && METHODS.has(method)))
          here?.effects.push(called ?? method!);
      }
    }
    const label = node.type === "Property" || node.type === "VariableDeclarator" ? labelOf(node) : undefined;
    for (const child of childrenOf(node)) visit(child, label ?? name, here);
  };
  visit(program, "module", undefined);
  return all;
}

function labelOf(node: Node): string | undefined {
  return ((node.key ?? node.id) as Node | undefined)?.name as string | undefined;
}

/** Calls in an expression, except those in functions inside it. */
function callsIn(node: Node | undefined): Node[] {
  if (!node || isFunction(node)) return [];
  return [...(node.type === "CallExpression" ? [node] : []), ...childrenOf(node).flatMap(callsIn)];
}

/** Whether the function, with its own callbacks, contains a fault point. */
function holdsPoint(node: Node): boolean {
  const isPoint = node.type === "CallExpression" && nameOf(node.callee as Node).name === "faultPoint";
  return isPoint || childrenOf(node).some(holdsPoint);
}

function violationsOf(file: string, text: string): string[] {
  const program = parseSync(file, text).program as unknown as Node;
  return inspect(program, effectsImported(program))
    .filter(({ effects, hasPoint }) => effects.length > 0 && !hasPoint)
    .map(({ place, effects }) => `${file} ${place}: ${effects.join(", ")}`)
    .filter(
      (line) => !Object.keys(ALLOWED).some((key) => line.startsWith(`${key}:`) || line.startsWith(`${key} `)),
    );
}

test("every awaited effect of the money path lies beside a fault point", () => {
  const found = FILES.flatMap((file) => violationsOf(file, readFileSync(join(SERVICES, file), "utf8")));
  expect(found).toEqual([]);
});

test("the lint sees an effect without a point, and one with it", () => {
  const bare =
    'import { insertEvents } from "@quarterpast/store"; async function f(db) { await insertEvents(db); }';
  expect(violationsOf("a.ts", bare)).toEqual(["a.ts f: insertEvents"]);
  const pointed = bare.replace("{ await", '{ await faultPoint("x"); await');
  expect(violationsOf("a.ts", pointed)).toEqual([]);
  expect(violationsOf("a.ts", "const g = async (queue) => { await queue.add(1); };")).toEqual([
    "a.ts g: add",
  ]);
});

test("every file of the money path's services that reaches the ledger is looked at", () => {
  const unlisted = ["collector", "aggregator", "reporter"].flatMap((service) =>
    readdirSync(join(SERVICES, service, "src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => `${service}/src/${name.replaceAll("\\", "/")}`)
      .filter((file) => !FILES.includes(file))
      .filter((file) =>
        /from "@quarterpast\/store"/.test(
          readFileSync(join(SERVICES, file), "utf8").replaceAll(/import type [^;]*;/g, ""),
        ),
      ),
  );
  // Start, keys and clock are not usage. Pure functions import only types and state tables.
  expect(unlisted.sort()).toEqual([
    "aggregator/src/main.ts",
    "collector/src/apiKeys.ts",
    "collector/src/collector.ts",
    "collector/src/connections.ts",
    "collector/src/intake.ts",
    "collector/src/startup.ts",
    "reporter/src/main.ts",
  ]);
});

test("no point is named twice, and none is outside of its service", () => {
  const names = FILES.flatMap((file) =>
    [...readFileSync(join(SERVICES, file), "utf8").matchAll(/faultPoint\("([\w.]+)"\)/g)].map(([, name]) => ({
      file,
      name: name!,
    })),
  );
  expect(new Set(names.map(({ name }) => name)).size).toBe(names.length);
  for (const { file, name } of names) expect(file.startsWith(name.split(".")[0]!), name).toBe(true);
  expect(names.length).toBeGreaterThan(35);
});
