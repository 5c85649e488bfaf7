export const FEWEST_PAIRS: number;
export function ratioOf(pairs: readonly { old: number; new: number }[]): {
  ratio: number;
  low: number;
  high: number;
};
