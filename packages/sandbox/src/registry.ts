import { SettingsError, type SettingRow } from "@quarterpast/runtime";
import type { SandboxKind } from "./port.js";
import { koogallery } from "./koogallery/sandboxKind.js";

const kinds: readonly SandboxKind[] = [koogallery];

/** Names of the marketplaces that there is a sandbox of; the first is the default. */
export const sandboxNames = (): string[] => kinds.map(({ name }) => name);

/** Which sandbox a process is, as docs/settings.md shows it. */
export const sandboxSettingRows = (): SettingRow[] => [
  {
    ...{ name: "SANDBOX_MARKETPLACE", default: kinds[0]!.name, isRequired: false },
    right: { en: `one of ${sandboxNames().join(", ")}`, zh: `${sandboxNames().join("、")} 之一` },
    meaning: { en: "the marketplace that it plays", zh: "所模拟的云商店" },
  },
];

/**
 * The sandbox of a marketplace.
 * @param name the default's if it is not given
 * @throws SettingsError for one that there is none of
 */
export function sandboxOf(name = kinds[0]!.name): SandboxKind {
  const found = kinds.find((kind) => kind.name === name);
  if (found) return found;
  const names = sandboxNames();
  const right = { en: `one of ${names.join(", ")}`, zh: `${names.join("、")} 之一` };
  throw new SettingsError([{ name: "SANDBOX_MARKETPLACE", value: name, right }]);
}
