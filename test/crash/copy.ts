import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const SERVICES = ["collector", "aggregator", "reporter"];

/**
 * Copies the compiled product to a folder where it can be changed without touching the checkout: compiled code and
 * migrations are copied, installed packages are linked.
 */
export function copyProduct(root: string, to: string): void {
  const installed = join(to, "node_modules");
  mkdirSync(join(installed, "@quarterpast"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@quarterpast") symlinkSync(join(root, "node_modules", name), join(installed, name));
  }
  for (const name of readdirSync(join(root, "packages"))) {
    copyParts(join(root, "packages", name), join(to, "packages", name));
    symlinkSync(join("..", "..", "packages", name), join(installed, "@quarterpast", name));
  }
  for (const name of SERVICES) copyParts(join(root, "services", name), join(to, "services", name));
}

function copyParts(from: string, to: string): void {
  for (const part of ["package.json", "dist", "migrations", "node_modules"]) {
    if (existsSync(join(from, part))) cpSync(join(from, part), join(to, part), { recursive: true });
  }
}
