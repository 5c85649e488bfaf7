// `node scripts/run.mjs NAME [options]`: everything that can be run in a checkout; package.json has short names for
// it. Plain JavaScript without dependencies, because it runs before they are installed.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, say } from "./setup.mjs";

const load = (path) => import(pathToFileURL(path).href);

/** Runs a program of the checkout as if it had been started directly. */
async function play(...path) {
  process.argv.splice(1, 1, join(root, ...path));
  await load(join(root, ...path));
}

/** A program of test/crash or test/bench, built with all it needs. */
const suite =
  (name, main, project = name) =>
  async () => {
    const { build } = await import("./suite.mjs");
    build(project);
    await play("test", name, "dist", main);
  };

const long = (name) => async () => (await import("./long.mjs")).runLong(name);
const tests = (part) => async () => (await import("./test.mjs")).runTests(part, process.argv.slice(2));

/** Writes a file that is generated from the product and compared by a test. */
const written = (script) => async () => {
  const { build } = await import("./suite.mjs");
  build();
  await load(join(root, script));
};

const NAMES = {
  start: {
    en: "the sample stack: quarterpast up --sample",
    zh: "示例系统：quarterpast up --sample",
    run: async () => {
      (await import("./setup.mjs")).install();
      // In this process, so that signals and the exit code need not be passed on.
      const command = join(root, "packages", "cli", "bin", "quarterpast.mjs");
      process.argv.splice(1, 1, command, "up", "--sample");
      await load(command);
    },
  },
  test: {
    en: "tests, without and with servers; or those that are named",
    zh: "全部常规测试，或指定的测试",
    run: tests("test"),
  },
  unit: { en: "tests that need no server", zh: "不需要服务器的测试", run: tests("unit") },
  alone: {
    en: "tests that need the machine to themselves: crash and bugs, short",
    zh: "需独占机器的测试：崩溃与植入缺陷（短）",
    run: tests("alone"),
  },
  crash: {
    en: "real processes killed under load: [--seed S --events N --kills N --json]",
    zh: "在负载下反复终止真实进程：[--seed S --events N --kills N --json]",
    run: suite("crash", "main.js"),
  },
  bugs: {
    en: "seeded bugs, each to be caught: [NAME…]",
    zh: "植入的缺陷，逐一应被发现：[NAME…]",
    run: suite("crash", join("bugs", "main.js")),
  },
  soak: {
    en: "the long runs, for nights: [--minutes N --seed S --parts crash,bugs,…]",
    zh: "长时间运行：[--minutes N --seed S --parts crash,bugs,…]",
    run: suite("crash", "soak.js"),
  },
  tables: {
    en: "the tables of docs/measured.md",
    zh: "由测量结果生成 docs/measured.zh-CN.md 中的表格",
    run: suite("bench", "tablesMain.js"),
  },
  fuzz: {
    en: "hostile requests: [--requests N --seed S --from N --json]",
    zh: "恶意请求：[--requests N --seed S --from N --json]",
    run: long("fuzz"),
  },
  spool: {
    en: "the client's spool, killed 200 times: [--kills N --seed S --json]",
    zh: "客户端本地缓存，终止 200 次：[--kills N --seed S --json]",
    run: long("spool"),
  },
  mutations: {
    en: "one byte changed at a time, before both verifiers: [--count N --seed S --json]",
    zh: "逐字节篡改，两个核验程序都应发现：[--count N --seed S --json]",
    run: long("mutations"),
  },
  reconcile: {
    en: "100,000 records against a statement that differs: [--records N --json]",
    zh: "十万条话单与有差异的对账单核对：[--records N --json]",
    run: long("reconcile"),
  },
  bench: {
    en: "throughput side by side: [--quick --json]; [--against COMMIT [--pairs N]]",
    zh: "吞吐量对比：[--quick --json]；[--against COMMIT [--pairs N]]",
    run: async () => {
      if (process.argv.some((arg) => arg.startsWith("--against")))
        return (await import("./against.mjs")).compareWith(process.argv.slice(2));
      return suite("bench", "main.js")();
    },
  },
  "bench:close": {
    en: "an hour of a million instances, closed: [--instances N --json --keep]",
    zh: "关闭一个含百万实例的小时：[--instances N --json --keep]",
    run: suite("bench", "closeMain.js"),
  },
  "bench:growth": {
    en: "throughput with 50 million events: [--events N --minutes N --json --keep]",
    zh: "已有五千万事件时的吞吐量：[--events N --minutes N --json --keep]",
    run: suite("bench", "growthMain.js"),
  },
  "bench:finance": {
    en: "a month of finance: [--records N --instances N --data-dir DIR --fill-only --only csv|ndjson|verify --json --keep]",
    zh: "一个月的财务数据：[--records N --instances N --data-dir DIR --fill-only --only csv|ndjson|verify --json --keep]",
    run: suite("bench", "financeMain.js"),
  },
  "bench:storefront": {
    en: "calls of the marketplace at a fixed rate: [--rate N --seconds N --instances N --keep]",
    zh: "固定速率的云商店调用：[--rate N --seconds N --instances N --keep]",
    run: suite(join("bench", "storefront"), "main.js"),
  },
  schema: {
    en: "writes packages/store/schema.sql anew",
    zh: "重新生成 packages/store/schema.sql",
    run: written("packages/store/scripts/write-schema.mjs"),
  },
  settings: {
    en: "writes docs/settings.md anew",
    zh: "重新生成 docs/settings.zh-CN.md",
    run: written("scripts/writeSettings.mjs"),
  },
  release: {
    en: "CHANGELOG's section and every package's version: VERSION",
    zh: "生成 CHANGELOG 的版本小节并更新所有包的版本：VERSION",
    run: async () => (await import("./release.mjs")).release(process.argv.slice(2)),
  },
  pins: {
    en: "which pins are old, and what of newer ones runs on the oldest Node: [--json]",
    zh: "哪些依赖版本已旧，以及新版本能否在最低 Node 版本上运行：[--json]",
    run: async () => (await import("./pins.mjs")).tellPins(process.argv.slice(2)),
  },
  openapi: {
    en: "writes the OpenAPI documents anew",
    zh: "重新生成 OpenAPI 文档",
    run: written("packages/contract/scripts/write-openapi.mjs"),
  },
};

const [name] = process.argv.splice(2, 1);
if (Object.hasOwn(NAMES, name ?? "")) {
  await NAMES[name].run();
} else {
  const width = Math.max(...Object.keys(NAMES).map((each) => each.length));
  const lines = Object.entries(NAMES).map(
    ([each, text]) => `  ${each.padEnd(width)}  ${say(text.en, text.zh)}`,
  );
  const asked = name === undefined || ["help", "--help", "-h"].includes(name);
  (asked ? process.stdout : process.stderr).write(
    [say("node scripts/run.mjs NAME [options]:", "node scripts/run.mjs 名称 [选项]："), ...lines, ""].join(
      "\n",
    ),
  );
  if (!asked) process.exitCode = 2;
}
