/** Values with their units, as people read them: one rule for the whole page. Pure functions. */

const RATE = /^(.+)\/s$/;
const WHOLE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

const isMissing = (value) => value === null || value === undefined;

/** Whole from 10 on, else two figures: 1,234, 212, 4.6, 0.31; – if nobody measured it. */
export function number(value) {
  if (isMissing(value)) return "–";
  const size = Math.abs(value);
  if (size >= 9.95 || Number.isInteger(value)) return WHOLE.format(value);
  return String(Number(value.toPrecision(2)));
}

/** In little room: `92 %`, `212/s`, `0.4 s`. */
export function withUnit(value, unit = "") {
  if (isMissing(value) || !unit) return number(value);
  return RATE.test(unit) ? perSecond(value) : `${number(value)} ${unit}`;
}

/** In a sentence: `212 requests/s`. */
export function inWords(value, unit = "") {
  if (isMissing(value)) return "not measured";
  return unit ? `${number(value)} ${unit}` : number(value);
}

export const perSecond = (rate) => (isMissing(rate) ? "–" : `${number(rate)}/s`);

/** 0.8 ms, 12 ms, 1.2 s @param {number|null} seconds */
export function duration(seconds) {
  if (isMissing(seconds)) return "–";
  return seconds < 0.9995 ? `${number(seconds * 1000)} ms` : `${number(seconds)} s`;
}

/** 0 %, 0.4 %, 12 % @param {number|null} share of 1 */
export function percent(share) {
  if (isMissing(share)) return "–";
  return share > 0 && share < 0.001 ? "<0.1 %" : `${number(share * 100)} %`;
}

/** 64 MiB, 1.2 GiB */
export function memory(bytes) {
  if (isMissing(bytes)) return "–";
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 999.5 ? `${number(mebibytes)} MiB` : `${number(mebibytes / 1024)} GiB`;
}

/** 0.42 cores */
export const cores = (cpu) => (isMissing(cpu) ? "–" : `${number(cpu)} cores`);
