/** Scales: where round values lie, and where a value lies in pixels. Pure functions. */

const ROUND = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
const TICK_STEPS = [1, 2, 5, 10, 20];
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400];
/** Seconds for which a lower top must do before the scale shrinks. */
export const SHRINK_AFTER = 15;

/**
 * A linear scale; `scale.offset + scale.factor * value` is the same as `place(scale, value)`.
 * @typedef {{offset: number, factor: number}} Scale
 */

/** @returns {Scale} that maps `from` to the pixel `start`, and `to` to `end` */
export function linear(from, to, start, end) {
  const factor = (end - start) / (to - from || 1);
  return { offset: start - factor * from, factor };
}

export const place = (scale, value) => scale.offset + scale.factor * value;
export const valueAt = (scale, pixel) => (pixel - scale.offset) / scale.factor;

/** The next larger number that reads well. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  const found = ROUND.find((one) => one * size >= value * (1 - 1e-9)) ?? 10;
  return Number((found * size).toPrecision(3));
}

/**
 * The top of a scale that does not jump: it grows at once, and shrinks when a lower one has done
 * for a while.
 * @param {{top: number, lowSince: number|null}|null} before
 * @param {number} needed the largest value in view
 * @param {number} at seconds
 */
export function steadyTop(before, needed, at) {
  const wanted = roundUp(needed);
  if (before === null || wanted > before.top) return { top: wanted, lowSince: null };
  if (wanted === before.top) return { top: wanted, lowSince: null };
  const lowSince = before.lowSince ?? at;
  if (at - lowSince >= SHRINK_AFTER) return { top: wanted, lowSince: null };
  return { top: before.top, lowSince };
}

/** Round values from 0 to the top, at most `most` above 0. */
export function valueTicks(top, { most = 3, whole = false } = {}) {
  if (most <= 1) return [0, top];
  const size = 10 ** Math.floor(Math.log10(top / (most + 1)));
  let step = size * TICK_STEPS.find((one) => Math.floor(top / (one * size) + 1e-9) <= most);
  if (whole) step = Math.max(1, Math.ceil(step));
  const ticks = [];
  for (let index = 0; index * step <= top * (1 + 1e-9); index += 1) ticks.push(Number((index * step).toPrecision(6)));
  return ticks;
}

/**
 * Round times of day in a span, at most `most`.
 * @param {{most: number, least: number, zone: number}} options `least` seconds from one to the next;
 *   `zone`: seconds that the local time is ahead of UTC
 */
export function timeTicks(start, end, { most = 6, least = 1, zone = 0 } = {}) {
  const step = TIME_STEPS.find((one) => one >= least && (end - start) / one <= most) ?? 86400;
  const ticks = [];
  for (let at = Math.ceil((start + zone) / step) * step; at <= end + zone; at += step) ticks.push(at - zone);
  return { step, ticks };
}
