/** A message for a person, in both languages of the product. */
export interface Text {
  en: string;
  zh: string;
}

/** The words of a space-separated list. */
export type Words<List extends string> = List extends `${infer First} ${infer Rest}`
  ? First | Words<Rest>
  : List;
