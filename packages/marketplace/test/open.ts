import { openerOf } from "../../../test/fixtures/openMarketplace.js";
import { clientOf, profileOf } from "../src/registry.js";

export type { OpenMarketplace, OpenSettings } from "../../../test/fixtures/openMarketplace.js";

/** Opens a KooGallery account by this package's sources. */
export const openMarketplace = openerOf({ clientOf, profileOf });
