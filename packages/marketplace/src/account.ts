/** Texts of settings by the names of their environment variables. */
export type SettingTexts = Readonly<Record<string, string | undefined>>;

/** A declared seller account: where it sells, and its marketplace's own settings, without secrets. */
export interface AccountDeclaration {
  code: string;
  marketplace: string;
  /** One of the marketplace's sites. */
  site: string;
  /** Settings among the marketplace's `settings`; absent ones have the marketplace's default. */
  settings: SettingTexts;
}
