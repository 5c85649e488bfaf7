import type { Text } from "@quarterpast/domain";

/** A setting of the marketplace that cannot be used, with what would be right. */
export class MarketplaceSettingError extends Error {
  /** As settings tell theirs. */
  readonly problem: { name: string; value: string; right: Text };

  constructor(setting: string, value: string, right: Text) {
    super(`${setting} is ${value || "(not set)"}; expected: ${right.en}`);
    this.name = "MarketplaceSettingError";
    this.problem = { name: setting, value, right };
  }
}
