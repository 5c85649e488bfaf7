/** What is said to a person, in both languages of the product. */
export interface Text {
  en: string;
  zh: string;
}
