/** Markup that is safe to show; only `html` creates it. */
export type Markup = { readonly markup: string };

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes a text for element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}

/** Builds markup from a template: every value is escaped unless it is markup itself; lists are joined. */
export function html(
  parts: TemplateStringsArray,
  ...values: (string | number | Markup | Markup[])[]
): Markup {
  const shown = values.map((value) => {
    if (Array.isArray(value)) return value.map((item) => item.markup).join("");
    return typeof value === "object" ? value.markup : escapeHtml(String(value));
  });
  return { markup: parts.map((part, index) => part + (shown[index] ?? "")).join("") };
}
