import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const LINES_MAX = 350;

interface Workspace {
  /** Such as `packages/store`. */
  dir: string;
  name: string;
  manifest: {
    dependencies?: Record<string, string>;
    optionalDependencies?: Record<string, string>;
    exports?: Record<string, unknown>;
  };
  references: string[];
  /** Sources by path from the root. */
  sources: Map<string, string>;
}

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const parse = (path: string): Record<string, unknown> => JSON.parse(read(path)) as Record<string, unknown>;

function filesUnder(dir: string): string[] {
  if (!existsSync(join(ROOT, dir))) return [];
  return readdirSync(join(ROOT, dir), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(dist|node_modules)\//.test(path));
}

const workspaces: Workspace[] = ["packages", "services"].flatMap((group) =>
  readdirSync(join(ROOT, group))
    .map((name) => `${group}/${name}`)
    .filter((dir) => existsSync(join(ROOT, dir, "package.json")))
    .map((dir) => {
      const manifest = parse(`${dir}/package.json`) as Workspace["manifest"] & { name: string };
      const { references = [] } = parse(`${dir}/tsconfig.json`) as { references?: { path: string }[] };
      return {
        dir,
        name: manifest.name,
        manifest,
        references: references.map(({ path }) => relative(ROOT, join(ROOT, dir, path))),
        sources: new Map(filesUnder(`${dir}/src`).map((path) => [path, read(path)])),
      };
    }),
);
const byName = new Map(workspaces.map((workspace) => [workspace.name, workspace]));

/** The imports of a source: static, `export … from`, dynamic with a plain string, and `require.resolve`. */
function importsOf(source: string): string[] {
  const forms = [
    /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/gm,
    /^\s*import\s*["']([^"']+)["']/gm,
    /\bimport\(\s*["']([^"']+)["']/g,
    /\b(?:require|resolve)\(\s*["'](@?[a-z][^"']*)["']/g,
  ];
  return forms.flatMap((form) => [...source.matchAll(form)].map((match) => match[1]!));
}

/** The package of an import; undefined for a relative one and for Node's own modules. */
function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith(".") || isBuiltin(specifier)) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function packagesOf({ sources }: Workspace): Set<string> {
  const all = [...sources.values()].flatMap(importsOf).map(packageOf);
  return new Set(all.filter((name) => name !== undefined));
}

/** Who may import whom, from `packages/` and `services/`; all other imports are forbidden. */
const MAY_IMPORT: Record<string, string[]> = {
  domain: [],
  runtime: ["domain"],
  contract: ["domain"],
  store: ["domain"],
  queue: ["domain", "runtime"],
  marketplace: ["domain", "contract", "runtime"],
  client: ["domain"],
  sandbox: ["runtime"],
  collector: ["domain", "store", "queue", "runtime"],
  aggregator: ["domain", "store", "queue", "runtime"],
  reporter: ["domain", "store", "marketplace", "runtime"],
  storefront: ["domain", "store", "marketplace", "runtime"],
  api: ["domain", "contract", "store", "queue", "marketplace", "runtime"],
  // It starts the services as separate processes and finds them by name.
  stack: [
    ...["domain", "contract", "store", "marketplace", "client", "runtime", "sandbox"],
    ...["collector", "aggregator", "reporter", "storefront", "api"],
  ],
  cli: ["domain", "contract", "store", "marketplace", "client", "stack"],
  testkit: [
    ...["domain", "store", "queue", "marketplace", "sandbox", "stack"],
    ...["collector", "aggregator", "reporter", "storefront", "api"],
  ],
};

describe.each(workspaces.map((workspace) => [workspace.dir, workspace] as const))("%s", (dir, workspace) => {
  test("imports only what lies below it", () => {
    const allowed = MAY_IMPORT[dir.split("/")[1]!];
    expect(allowed, `${dir} is not in the house's table of imports`).toBeDefined();
    const ours = [...packagesOf(workspace)].filter((name) => byName.has(name) && name !== workspace.name);
    expect(
      ours.map((name) => name.replace("@quarterpast/", "")).filter((name) => !allowed!.includes(name)),
    ).toEqual([]);
  });

  test("imports other packages by their names and its own files by their .js", () => {
    const wrong: string[] = [];
    for (const [path, source] of workspace.sources)
      for (const specifier of importsOf(source)) {
        if (!specifier.startsWith(".")) continue;
        const target = relative(ROOT, join(ROOT, path, "..", specifier));
        if (!target.startsWith(`${dir}/`) || !/\.(js|mjs|json)$/.test(specifier))
          wrong.push(`${path}: ${specifier}`);
      }
    expect(wrong).toEqual([]);
  });

  test("declares just the dependencies that it imports", () => {
    const declared = Object.keys(workspace.manifest.dependencies ?? {});
    const optional = Object.keys(workspace.manifest.optionalDependencies ?? {});
    const imported = [...packagesOf(workspace)].filter((name) => name !== workspace.name);
    // What only tests need is a dependency of the root, so that it is in no image.
    const forTests = (parse("package.json") as { devDependencies: object }).devDependencies;
    const known = [...declared, ...optional, ...(dir === "packages/testkit" ? Object.keys(forTests) : [])];
    expect(imported.filter((name) => !known.includes(name)).sort(), "imported, not declared").toEqual([]);
    const text = [...workspace.sources.values()].join("\n");
    const used = (name: string): boolean => imported.includes(name) || text.includes(name);
    // Our own processes are started by their main, whose name is put together at run time.
    const started = (name: string): boolean =>
      ["packages/stack", "packages/testkit"].includes(dir) &&
      byName.get(name)?.manifest.exports?.["./main"] !== undefined;
    expect(declared.filter((name) => !used(name) && !started(name)).sort(), "declared, not used").toEqual([]);
  });

  test("refers to just the projects that it depends on", () => {
    const ours = Object.keys(workspace.manifest.dependencies ?? {}).flatMap(
      (name) => byName.get(name)?.dir ?? [],
    );
    expect([...workspace.references].sort()).toEqual(ours.sort());
  });

  test(`has no source above ${LINES_MAX} lines`, () => {
    const long = [...workspace.sources].map(([path, source]) => [path, source.split("\n").length] as const);
    expect(long.filter(([, lines]) => lines > LINES_MAX)).toEqual([]);
  });
});

/** The folders that a folder of the domain may import; errors, text, time and quantity import only each other. */
const DOMAIN_FLOORS: Record<string, string[]> = {
  "": [],
  usage: [""],
  billing: ["", "usage"],
  placement: ["", "usage", "billing"],
  proof: ["", "usage", "billing"],
};

test("the folders of the domain stand only on those below them", () => {
  const { sources } = byName.get("@quarterpast/domain")!;
  const src = "packages/domain/src";
  const folderOf = (path: string): string => relative(src, join(path, "..")).split("/")[0]!;
  const wrong: string[] = [];
  for (const [path, source] of sources) {
    if (path === `${src}/index.ts`) continue;
    const folder = folderOf(path);
    expect(DOMAIN_FLOORS[folder], `${path} is in a folder of the table`).toBeDefined();
    for (const specifier of importsOf(source).filter((name) => name.startsWith("."))) {
      const target = folderOf(join(path, "..", specifier));
      if (target !== folder && !DOMAIN_FLOORS[folder]!.includes(target)) wrong.push(`${path}: ${specifier}`);
    }
  }
  expect(wrong).toEqual([]);
});

describe("packages/store", () => {
  const dir = "packages/store/src";
  /** Folders in the order in which they may import: each only itself and those before it. */
  const ROOMS = ["db", "catalog", "storefront", "usage", "records", "proof", "reconcile", "finance"];
  const FILES_MAX = 12;
  const files = new Map(filesUnder(dir).map((path) => [relative(dir, path), read(path)]));
  const roomOf = (path: string): number => ROOMS.indexOf(path.split("/")[0]!);

  test("has its rooms, none too large", () => {
    const counts = new Map<string, number>();
    for (const path of files.keys())
      if (path !== "index.ts") counts.set(path.split("/")[0]!, (counts.get(path.split("/")[0]!) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual([...ROOMS].sort());
    expect([...counts].filter(([, count]) => count > FILES_MAX)).toEqual([]);
  });

  test("imports of a room go to itself and to those before it", () => {
    const wrong: string[] = [];
    for (const [path, source] of files)
      for (const specifier of importsOf(source)) {
        if (path === "index.ts" || !specifier.startsWith(".")) continue;
        if (roomOf(join(path, "..", specifier)) > roomOf(path)) wrong.push(`${path}: ${specifier}`);
      }
    expect(wrong).toEqual([]);
  });

  test("each table is written by one file", () => {
    const tables = new Set(
      [...read("packages/store/migrations/0001_ledger.sql").matchAll(/^CREATE TABLE (\w+)/gm)].map(
        ([, name]) => name!,
      ),
    );
    const writers = new Map<string, Set<string>>();
    const forms = [
      /\b(?:INSERT INTO|DELETE FROM|UPDATE|TRUNCATE)\s+(?:ONLY\s+)?(\w+)/g,
      /\bcopyInto\(\s*\w+,\s*[`"]\s*(\w+)/g,
    ];
    for (const [path, source] of files)
      for (const table of forms.flatMap((form) => [...source.matchAll(form)].map((match) => match[1]!)))
        if (tables.has(table)) writers.set(table, (writers.get(table) ?? new Set()).add(path));
    const shared = [...writers].filter(([, paths]) => paths.size > 1);
    expect(shared.map(([table, paths]) => `${table}: ${[...paths].sort().join(", ")}`)).toEqual([]);
  });
});

describe("imports between files", () => {
  test("have no circle, not by types either", () => {
    const all = new Map(workspaces.flatMap(({ sources }) => [...sources]));
    const next = (path: string): string[] =>
      importsOf(all.get(path) ?? "")
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => relative(ROOT, join(ROOT, path, "..", specifier)).replace(/\.js$/, ".ts"));
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (path: string, way: string[]): void => {
      if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path].join(" → "));
      if (done.has(path) || way.includes(path)) return;
      for (const other of next(path)) walk(other, [...way, path]);
      done.add(path);
    };
    for (const path of all.keys()) walk(path, []);
    expect(circles).toEqual([]);
  });
});

test("the reader of lists knows no marketplace", () => {
  const dir = "packages/marketplace/src";
  const names = readdirSync(join(ROOT, dir), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(ROOT, dir, entry.name, "profile.ts")))
    .map(({ name }) => name);
  expect(names).toContain("koogallery");
  const knowing = filesUnder(`${dir}/table`).filter((path) =>
    names.some((name) => read(path).toLowerCase().includes(name)),
  );
  expect(knowing).toEqual([]);
});

test("ARCHITECTURE names the imports that are allowed", () => {
  const rows = [...read("ARCHITECTURE.md").matchAll(/^\| `packages\/(\w+)` *\|[^|]*\| *([^|]*?) *\|$/gm)];
  const written = rows.map(([, name, imports]) => [
    name,
    Object.keys(MAY_IMPORT).filter((one) => new RegExp(`\\b${one}\\b`).test(imports!)),
  ]);
  const packages = Object.entries(MAY_IMPORT).flatMap(([name, imports]) =>
    existsSync(join(ROOT, "packages", name))
      ? [[name, imports.filter((one) => existsSync(join(ROOT, "packages", one)))]]
      : [],
  );
  const sorted = (all: unknown[][]) =>
    Object.fromEntries(all.map(([name, list]) => [name, [...(list as string[])].sort()]));
  expect(sorted(written)).toEqual(sorted(packages));
});

/** Folders of packages/marketplace that are a marketplace each, with the exports of their files. */
const marketplaces = new Map(
  readdirSync(join(ROOT, "packages/marketplace/src"), { withFileTypes: true })
    .filter((entry) => existsSync(join(entry.parentPath, entry.name, "marketplace.ts")))
    .map(({ name }) => {
      const sources = filesUnder(`packages/marketplace/src/${name}`).map(read);
      const exported = (source: string) =>
        [...source.matchAll(/^export (?:async )?(?:function|const|class|interface|type) (\w+)/gm)].map(
          (one) => one[1]!,
        );
      return [name, new Set(sources.flatMap(exported))] as const;
    }),
);

test("the storefront names no marketplace, and nothing of a marketplace's folder", () => {
  expect(marketplaces.size).toBeGreaterThan(0);
  const wrong: string[] = [];
  for (const path of filesUnder("services/storefront/src")) {
    const source = read(path);
    for (const [name, members] of marketplaces) {
      if (new RegExp(name, "i").test(source)) wrong.push(`${path} names ${name}`);
      const from = /import\s+(?:type\s+)?\{([^}]*)\}\s+from\s+"@quarterpast\/marketplace"/g;
      const imported = [...source.matchAll(from)].flatMap((one) => one[1]!.match(/\w+/g) ?? []);
      wrong.push(...imported.filter((one) => members.has(one)).map((one) => `${path} imports ${one}`));
    }
  }
  expect(wrong).toEqual([]);
});

test("the root builds every project", () => {
  const { references } = parse("tsconfig.json") as { references: { path: string }[] };
  expect(references.map(({ path }) => path).sort()).toEqual(workspaces.map(({ dir }) => dir).sort());
});

test("no file names a path of a person's machine", () => {
  const folders = ["packages", "services", "scripts", "test", "docs", "tools", ".ci"].flatMap(filesUnder);
  const papers = readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [entry.name] : [],
  );
  const place = new RegExp(
    ["/ho" + "me/\\w", "/ro" + "ot/\\w", "/Use" + "rs/\\w", "/wo" + "rk/(main|shared)"].join("|"),
  );
  const files = [...folders, ...papers].filter((path) =>
    /\.(ts|mjs|js|json|md|ya?ml|sql|sh)$|(^|\/)[A-Za-z]+$/.test(path),
  );
  expect(files.filter((path) => place.test(read(path)))).toEqual([]);
});

describe("what only a marketplace's own folder knows", () => {
  const isOwn = (path: string) => /^packages\/(marketplace|sandbox)\/(src\/koogallery|test)\//.test(path);
  const readAll = (folders: string[], name: RegExp) =>
    folders
      .flatMap(filesUnder)
      .filter((path) => name.test(path) && !isOwn(path))
      .map((path) => [path, read(path)] as const);
  const product = workspaces.filter(({ dir }) => dir !== "packages/testkit").map(({ dir }) => `${dir}/src`);
  const outside = readAll([...product, "scripts", "tools"], /\.(ts|mjs|py)$/);
  const everywhere = readAll(["packages", "services", "test", "scripts", "tools"], /\.(ts|mjs|py)$/);
  const SITES = new RegExp(['\\["cn", "in', 'tl"\\]|"cn" \\| "in', 'tl"'].join(""));

  test("no code of its answers is in what is shipped, and no list of its sites anywhere else", () => {
    const codes = [/MKT\.\d/, /["']0(0[1-9]|1[0-3])["']/, SITES];
    expect(outside.length).toBeGreaterThan(400);
    expect(
      outside.filter(([, source]) => codes.some((form) => form.test(source))).map(([path]) => path),
    ).toEqual([]);
    expect(everywhere.filter(([, source]) => SITES.test(source)).map(([path]) => path)).toEqual([]);
  });

  test("each registry has one line of it, and nothing else of the product imports it", () => {
    const importing = outside.flatMap(([path, source]) =>
      importsOf(source)
        .filter((name) => /koogallery/i.test(name))
        .map((name) => `${path}: ${name}`),
    );
    expect(importing).toEqual([
      "packages/marketplace/src/registry.ts: ./koogallery/marketplace.js",
      "packages/sandbox/src/registry.ts: ./koogallery/sandboxKind.js",
    ]);
  });

  test("tests of other packages take it by its own entry only", () => {
    const importing = everywhere.flatMap(([path, source]) =>
      importsOf(source).flatMap((name) => (/koogallery\//i.test(name) ? [`${path}: ${name}`] : [])),
    );
    expect(
      importing.filter((one) => !/^packages\/(marketplace|sandbox)\/src\/registry\.ts/.test(one)),
    ).toEqual([]);
  });

  test("one thing is called a keyring: the interconnection keys", () => {
    const named = outside.filter(([, source]) => /keyring/i.test(source)).map(([path]) => path);
    expect(named).toEqual([]);
  });
});

test("the lock file names no registry, so that any may serve", () => {
  expect(read("package-lock.json")).not.toMatch(/"resolved": "https?:/);
});

test("every version of a dependency is exact", () => {
  for (const path of ["package.json", ...workspaces.map(({ dir }) => `${dir}/package.json`)]) {
    const manifest = parse(path) as Record<string, Record<string, string> | undefined>;
    for (const kind of ["dependencies", "devDependencies", "optionalDependencies"])
      for (const [name, version] of Object.entries(manifest[kind] ?? {}))
        expect(version, `${path}: ${name}`).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  }
});

test.each(["packages/domain", "packages/store"])("every exported function of %s says what it does", (dir) => {
  const { sources } = workspaces.find((workspace) => workspace.dir === dir)!;
  const mute: string[] = [];
  for (const [path, source] of sources) {
    const lines = source.split("\n");
    for (const [at, line] of lines.entries()) {
      const name = /^export (?:async )?(?:function|class) (\w+)/.exec(line)?.[1];
      if (name !== undefined && !/\*\/\s*$/.test(lines[at - 1] ?? "")) mute.push(`${path}: ${name}`);
    }
  }
  expect(mute).toEqual([]);
});
