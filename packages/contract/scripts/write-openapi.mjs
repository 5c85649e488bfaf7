// `npm run openapi`: writes docs/openapi/<service>.json from the contract; a test compares them.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { storefrontContract } from "@quarterpast/contract";
import { storefrontCalls } from "@quarterpast/marketplace";
import { documents } from "../dist/openapi.js";

for (const [name, text] of Object.entries(documents(storefrontContract(storefrontCalls()))))
  writeFileSync(fileURLToPath(new URL(`../../../docs/openapi/${name}.json`, import.meta.url)), text);
