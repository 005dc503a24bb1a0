/** How figures become sizes and speeds on the map. Rates are per second, times in seconds. */

const SLOWEST = 8;
const FASTEST = 120;
const MAX_TURNS = 0.28;

/** Turns of a wheel per second. With eight spokes and so few pictures, a faster wheel would seem to turn back. */
export function turnsPerSecond(rate) {
  return rate > 0 ? Math.min(MAX_TURNS, 0.15 * Math.log10(1 + rate)) : 0;
}

/** Pixels per second along an edge: half as fast for each tenfold latency. */
export function travelSpeed(p95) {
  const milliseconds = Math.max(1, (p95 ?? 0.03) * 1000);
  return Math.max(SLOWEST, FASTEST / milliseconds ** Math.log10(2));
}

/** Pixels between two circles on an edge. */
export function spacing(rate) {
  return Math.max(14, 84 / (1 + Math.log10(1 + rate)));
}

/** The width of an edge. */
export function edgeWidth(rate) {
  return rate > 0 ? 1 + 1.4 * Math.log10(1 + rate) : 1;
}
