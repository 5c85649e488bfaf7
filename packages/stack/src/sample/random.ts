/**
 * Pseudo-random numbers determined only by the seeds (mulberry32: small, and good enough for made-up usage).
 * @returns a function that returns whole numbers from 0 up to, not including, its argument.
 */
export function randomOf(...seeds: number[]): (below: number) => number {
  let state = seeds.reduce((mixed, seed) => Math.imul(mixed ^ seed, 0x9e3779b1) ^ (mixed >>> 15), 0x51a7);
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}
