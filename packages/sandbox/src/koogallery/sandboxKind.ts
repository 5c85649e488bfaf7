import { settingRows } from "@quarterpast/runtime";
import type { SandboxKind } from "../port.js";
import { createSandbox } from "./sandbox.js";
import { readSandboxOptions, sandboxSettings } from "./settings.js";

/** The sandbox of Huawei Cloud KooGallery (华为云云商店): what the registry has of it. */
export const koogallery: SandboxKind = {
  name: "koogallery",
  settingRows: settingRows(sandboxSettings),
  async start(env, logger) {
    const sandbox = await createSandbox({ ...readSandboxOptions(env), logger });
    return { url: sandbox.url, port: sandbox.port, path: sandbox.store.path, close: () => sandbox.close() };
  },
};
