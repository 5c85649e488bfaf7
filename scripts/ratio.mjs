/** 97.5 % quantiles of Student's t by degrees of freedom, from 6 (seven pairs) on. */
const T = [
  2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086,
];
const T_FROM = 6;
/** Beyond the table its last quantile is used: the interval becomes a little too wide, never too narrow. */
const quantile = (freedom) => T[Math.min(freedom - T_FROM, T.length - 1)];

export const FEWEST_PAIRS = T_FROM + 1;

/**
 * The ratio new / old of rates measured in pairs: the geometric mean, with its 95 % confidence interval.
 * @param {{ old: number, new: number }[]} pairs seven or more, each rate above 0
 * @returns {{ ratio: number, low: number, high: number }}
 */
export function ratioOf(pairs) {
  if (pairs.length < FEWEST_PAIRS)
    throw new Error(`${pairs.length} pairs: ${FEWEST_PAIRS} or more are needed`);
  const logs = pairs.map((pair) => Math.log(pair.new / pair.old));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const half = quantile(logs.length - 1) * Math.sqrt(variance / logs.length);
  return { ratio: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}
