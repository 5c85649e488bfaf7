import type { Text } from "@quarterpast/domain";

/** An invalid setting of the marketplace, with what would be right. */
export class MarketplaceSettingError extends Error {
  /** In the form of a settings problem. */
  readonly problem: { name: string; value: string; right: Text };

  constructor(setting: string, value: string, right: Text) {
    super(`${setting} is ${value || "(not set)"}; expected: ${right.en}`);
    this.name = "MarketplaceSettingError";
    this.problem = { name: setting, value, right };
  }
}
