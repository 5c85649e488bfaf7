// `npm run settings`: writes docs/settings.md and its Chinese page from what the services declare; a test compares them.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";
import { settingsPages } from "./settingsPage.mjs";

for (const [path, text] of Object.entries(settingsPages())) writeFileSync(join(root, path), text);
