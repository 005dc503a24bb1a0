/** How figures become sizes, speeds and words on the map. Rates are per second, times in seconds. */

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

/** 0.42, 4.2, 48, 1.2k; – if nobody measured it */
export function short(number) {
  if (number === null || number === undefined) return "–";
  if (number >= 9950) return `${Math.round(number / 1000)}k`;
  if (number >= 995) return `${(number / 1000).toFixed(1)}k`;
  if (number >= 9.95 || number === 0) return String(Math.round(number));
  return number < 0.05 ? "<0.1" : number.toFixed(1);
}

export const perSecond = (rate) => (rate === null || rate === undefined ? "–" : `${short(rate)}/s`);

/** 0.8 ms, 12 ms, 1.2 s */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.00995) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/** 0 %, 0.4 %, 12 % */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  if (share > 0 && share < 0.001) return "<0.1 %";
  return `${share > 0 && share < 0.0995 ? Number((share * 100).toFixed(1)) : Math.round(share * 100)} %`;
}

/** 64 MiB, 1.2 GiB */
export function memory(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1000 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}

/** 0.42 cores, 3 % of one below a tenth */
export function cores(cpu) {
  return cpu === null || cpu === undefined ? "–" : `${cpu.toFixed(2)} cores`;
}
