/** One clock for all processes of a bench, ms with fraction. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
