import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DURABLE } from "@quarterpast/stack/servers";
import { followSecrets, marketplaceOf, readAccounts } from "@quarterpast/marketplace";
import {
  createLogger,
  nodeFlagsOf,
  queueSettings,
  readSettings,
  serviceSettings,
} from "@quarterpast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readSandboxOptions } from "@quarterpast/sandbox/koogallery";
import { readUpSettings } from "../packages/stack/src/up/settings.js";
import { aggregatorSettings } from "../services/aggregator/src/settings.js";
import { apiSettings } from "../services/api/src/settings.js";
import { readCollectorSettings } from "../services/collector/src/settings.js";
import { reporterSettings } from "../services/reporter/src/settings.js";
import { readSellerSettings, storefrontSettings } from "../services/storefront/src/settings.js";

interface ComposeService {
  image: string;
  command: string[];
  environment?: Record<string, string>;
  secrets?: string[];
  ports?: string[];
  restart: string;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  network_mode?: string;
  volumes?: string[];
}
interface Compose {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
}

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");
const compose = parse(read("docker-compose.yml"), { merge: true }) as Compose;
const { services } = compose;

/** All settings of the marketplace of an account from the environment. */
const { settings: ownSettings, secrets: ownSecrets } = marketplaceOf("koogallery");

/** Variables that declare accounts, for every service. */
const ACCOUNT_NAMES = ["ACCOUNT", "ACCOUNTS", "ACCOUNTS_FILE", "MARKETPLACE", "MARKETPLACE_SITE"];

/** Reads the accounts without their secrets, which not every service has. */
const declaredAccounts = (env: NodeJS.ProcessEnv) => readAccounts(env);

/** Reads the accounts with their secrets, as the services do. */
function withAccounts(env: NodeJS.ProcessEnv): void {
  for (const account of readAccounts(env))
    followSecrets(account, { logger: createLogger({ service: "test", level: "silent" }) }).stop();
}

/** Our services: the source of their settings, and the function that reads them, which throws if one is wrong. */
const OURS: Record<string, { settings: string; load: (env: NodeJS.ProcessEnv) => unknown }> = {
  migrate: {
    settings: "packages/stack/src/up/settings.ts",
    load: (env) => {
      readUpSettings(env);
      declaredAccounts(env);
    },
  },
  collector: { settings: "services/collector/src/settings.ts", load: readCollectorSettings },
  aggregator: {
    settings: "services/aggregator/src/settings.ts",
    load: (env) => readSettings(aggregatorSettings, env),
  },
  reporter: {
    settings: "services/reporter/src/settings.ts",
    load: (env) => {
      readSettings(reporterSettings, env);
      withAccounts(env);
    },
  },
  storefront: {
    settings: "services/storefront/src/settings.ts",
    load: (env) => {
      readSettings(storefrontSettings, env);
      withAccounts(env);
      readSellerSettings(env);
    },
  },
  api: {
    settings: "services/api/src/settings.ts",
    load: (env) => {
      readSettings(apiSettings, env);
      declaredAccounts(env);
    },
  },
  sandbox: { settings: "packages/sandbox/src/koogallery/settings.ts", load: readSandboxOptions },
};

const SECRETS: Record<string, string> = {
  database_url: "postgres://quarterpast:secret@postgres/quarterpast\n",
  redis_url: "redis://:secret@redis:6379",
  marketplace_key: "a key",
};
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quarterpast-compose-"));
  for (const [name, text] of Object.entries(SECRETS)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The environment of the container if no variable was set. */
function environmentOf(
  { environment = {} }: ComposeService,
  own: Record<string, string> = {},
): NodeJS.ProcessEnv {
  const filled = Object.entries(environment).map(([name, value]) => {
    const text = value.replace(
      /\$\{(\w+):-([^}]*)\}/g,
      (_, variable: string, other: string) => own[variable] ?? other,
    );
    return [name, text.replace("/run/secrets", folder)];
  });
  return Object.fromEntries(filled) as NodeJS.ProcessEnv;
}

test("every process of ours has its container, and every container is known", () => {
  expect(Object.keys(services).sort()).toEqual([...Object.keys(OURS), "postgres", "redis"].sort());
});

describe.each(Object.entries(OURS))("%s", (name, { settings, load }) => {
  const service = services[name]!;

  test("is set up by settings that it knows and can use", () => {
    const source = read(settings);
    const known = new Set<string>(
      [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map((match) => match[1]!),
    );
    for (const [set, shared] of Object.entries({ serviceSettings, queueSettings }))
      if (source.includes(set)) for (const one of Object.keys(shared)) known.add(one);
    if (/declared/.test(String(load))) for (const one of [...ACCOUNT_NAMES, ...ownSettings]) known.add(one);
    if (/withAccount/.test(String(load)))
      for (const one of [...ACCOUNT_NAMES, ...ownSettings, ...ownSecrets]) known.add(one);
    const set = Object.keys(service.environment!).map((variable) =>
      known.has(variable) ? variable : variable.replace(/_FILE$/, ""),
    );
    expect(set.filter((variable) => !known.has(variable))).toEqual([]);
    expect(() => load(environmentOf(service))).not.toThrow();
    const sandbox = { MARKETPLACE_URL: "http://127.0.0.1:8790", MARKETPLACE_STATEMENT_PATH: "/sandbox/sdr" };
    expect(() => load(environmentOf(service, sandbox))).not.toThrow();
  });

  test("gets secrets from files that are mounted into it, none from the environment", () => {
    const files = Object.values(service.environment!).filter((value) => value.startsWith("/run/secrets/"));
    expect(files.map((file) => file.replace("/run/secrets/", "")).sort()).toEqual(
      [...(service.secrets ?? [])].sort(),
    );
    for (const secret of service.secrets ?? []) expect(Object.keys(compose.secrets)).toContain(secret);
    for (const variable of Object.keys(service.environment!).filter((one) =>
      /KEY|PASSWORD|DATABASE_URL|REDIS_URL/.test(one),
    ))
      expect(variable).toMatch(/_FILE$/);
  });

  test("runs from the one image, and is looked after", () => {
    expect(service).toMatchObject({ image: "quarterpast", build: ".", init: true });
    const entry = service.command.find((word) => word.endsWith("main.js"))!;
    expect(read(entry.replace("dist/", "src/").replace(".js", ".ts"))).not.toBe("");
    expect(service.command.slice(0, service.command.indexOf(entry))).toEqual(["node", ...nodeFlagsOf(name)]);
    if (name === "migrate") return expect(service.restart).toBe("no");
    expect(service.restart).toBe("unless-stopped");
    expect(service.healthcheck!.test.join(" ")).toContain("/healthz/ready");
    expect(service.ports ?? []).toEqual(
      (service.ports ?? []).filter((port) => port.startsWith("127.0.0.1:")),
    );
  });
});

test("services start on a database that is prepared and a Redis that answers", () => {
  expect(services["migrate"]!.depends_on).toEqual({ postgres: { condition: "service_healthy" } });
  for (const name of ["collector", "aggregator", "reporter", "storefront", "api"])
    expect(services[name]!.depends_on).toEqual({
      redis: { condition: "service_healthy" },
      migrate: { condition: "service_completed_successfully" },
    });
});

test("Redis and Postgres keep what they acknowledged", () => {
  const redis = services["redis"]!.command.join(" ");
  for (const [setting, value] of Object.entries(DURABLE))
    expect(redis).toContain(`--${setting} ${value || '""'}`);
  const postgres = services["postgres"]!.command.join(" ");
  for (const setting of ["fsync=on", "full_page_writes=on", "synchronous_commit=on"])
    expect(postgres).toContain(setting);
  for (const name of ["postgres", "redis", "collector", "sandbox"]) {
    const [volume] = services[name]!.volumes![0]!.split(":");
    expect(Object.keys(compose.volumes)).toContain(volume);
  }
});

test("hours are proven, their anchors stand on another volume, and the private key on neither", () => {
  const { environment, volumes } = services["reporter"]!;
  const volumeOf = (path: string) =>
    volumes!.map((mount) => mount.split(":")).find(([, at]) => path.startsWith(`${at}/`) || path === at)?.[0];
  const places = ["PROOF_DIR", "ANCHOR_FILE", "PROOF_KEY_FILE"].map((name) => volumeOf(environment![name]!));
  expect(new Set(places).size).toBe(3);
  for (const place of places) expect(Object.keys(compose.volumes)).toContain(place);
  // A new named volume gets the owner of the folder at its place in the image.
  const named = volumes!.filter((mount) => !mount.startsWith("./"));
  for (const mount of named) expect(read("Dockerfile")).toContain(` ${mount.split(":")[1]}`);
});

test("a file of accounts is read by all that know accounts; their keys are with those that sign or are called", () => {
  const file = join(folder, "accounts.yaml");
  writeFileSync(
    file,
    `accounts:
  - { code: one, marketplace: koogallery, secrets: { MARKETPLACE_KEY: { file: marketplace_key } } }
  - { code: two, marketplace: koogallery, secrets: { MARKETPLACE_KEY: { file: marketplace_key } } }
`,
  );
  const mounted = (path: string) =>
    Object.keys(services).filter((name) =>
      services[name]!.volumes?.some((one) => one.endsWith(`:${path}:ro`)),
    );
  expect(mounted("/accounts")).toEqual(["migrate", "reporter", "storefront", "api"]);
  expect(mounted("/account-keys")).toEqual(["reporter", "storefront"]);
  for (const name of mounted("/accounts")) {
    const env = environmentOf(services[name]!, { ACCOUNTS_FILE: file });
    expect(() => OURS[name]!.load(env), name).not.toThrow();
    expect(readAccounts(env).map(({ code }) => code)).toEqual(["one", "two"]);
  }
});

test("the sandbox is reached only over loopback", () => {
  expect(services["sandbox"]).toMatchObject({ network_mode: "service:reporter", profiles: ["sandbox"] });
  expect(services["sandbox"]!.environment!["SANDBOX_HOST"]).toBe("127.0.0.1");
  expect(services["sandbox"]!.ports).toBeUndefined();
});
