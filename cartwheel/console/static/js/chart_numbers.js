/** Values with their units, as people read them. Pure functions. */

const RATE = /^(.+)\/s$/;
const NUMBER = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/** Whole from 10 on, else two figures: 212, 4.6, 0.31. A value in percent is whole. */
export function number(value, unit = "") {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (unit === "%" || size >= 10 || Number.isInteger(value)) return NUMBER.format(value);
  return String(Number(value.toPrecision(2)));
}

/** In little room: `92 %`, `212/s`, `0.4 s`. */
export function withUnit(value, unit = "") {
  if (value === null || value === undefined) return "–";
  if (RATE.test(unit)) return `${number(value, unit)}/s`;
  return unit ? `${number(value, unit)} ${unit}` : number(value, unit);
}

/** In a sentence: `212 requests/s`. */
export function inWords(value, unit = "") {
  if (value === null || value === undefined) return "not measured";
  return unit ? `${number(value, unit)} ${unit}` : number(value, unit);
}
