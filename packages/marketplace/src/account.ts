/** Texts of settings by the names that the environment has for them. */
export type SettingTexts = Readonly<Record<string, string | undefined>>;

/** A seller account as it is declared: where it sells, and its marketplace's own settings, without secrets. */
export interface AccountDeclaration {
  code: string;
  marketplace: string;
  /** One of the marketplace's sites. */
  site: string;
  /** Of the names that the marketplace gives in `settings`; what is absent has the marketplace's default. */
  settings: SettingTexts;
}
