export function settingsPages(): Record<"docs/settings.md" | "docs/settings.zh-CN.md", string>;
