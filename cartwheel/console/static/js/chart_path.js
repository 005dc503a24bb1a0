/** Paths of series. Pure functions: columns of numbers in, the attribute `d` out. */

import { linear } from "./chart_scale.js";

/**
 * What of a series is drawn, and where.
 * @typedef {object} View
 * @property {number} from the first index that is drawn
 * @property {number} to the index after the last
 * @property {import("./chart_scale.js").Scale} x
 * @property {import("./chart_scale.js").Scale} y
 * @property {number} [end] a stepped line goes on to this pixel
 */

const px = (value) => Math.round(value * 10) / 10;

/** The indexes of the samples from `start` to `end`, with one more on each side. */
export function range(at, start, end) {
  return { from: Math.max(0, after(at, start) - 1), to: Math.min(at.length, after(at, end) + 1) };
}

/** The index of the first time after `moment`. */
export function after(at, moment) {
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle] > moment) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The index of the newest sample not later than `moment`, at most `maxAge` before; else -1. */
export function indexAt(at, moment, maxAge = Infinity) {
  const index = after(at, moment + 1e-6) - 1;
  return index >= 0 && moment - at[index] <= maxAge ? index : -1;
}

/**
 * Pieces without a gap, as lists of indexes. Of many samples in one pixel the first, the lowest,
 * the highest and the last are kept.
 * @param {View} view
 */
export function pieces(at, values, view) {
  const found = [];
  let piece = null;
  let bucket = null;
  const close = () => {
    if (bucket) piece.push(...keep(bucket));
    bucket = null;
    piece = null;
  };
  for (let index = view.from; index < view.to; index += 1) {
    const value = values[index];
    if (value === null || value === undefined) { close(); continue; }
    if (!piece) found.push((piece = []));
    const column = Math.round(view.x.offset + view.x.factor * at[index]);
    if (bucket && bucket.column === column) {
      bucket.last = index;
      if (value < values[bucket.low]) bucket.low = index;
      if (value > values[bucket.high]) bucket.high = index;
    } else {
      if (bucket) piece.push(...keep(bucket));
      bucket = { column, first: index, low: index, high: index, last: index };
    }
  }
  close();
  return found;
}

function keep({ first, low, high, last }) {
  if (first === last) return [first];
  return [...new Set([first, Math.min(low, high), Math.max(low, high), last])];
}

/** A joined line. With `base`, a pixel, the area between the line and it. */
export function linePath(at, values, view, base = null) {
  return pieces(at, values, view).map((piece) => {
    const points = piece.map((index) => `${px(view.x.offset + view.x.factor * at[index])} ${px(view.y.offset + view.y.factor * values[index])}`);
    // A single sample between gaps: a dot, which a round line cap shows.
    const line = points.length === 1 ? `M${points[0]}h0.1` : `M${points.join("L")}`;
    return base === null ? line : line + closed(at, piece, view, base);
  }).join("");
}

/** Steps: each value holds until the next sample, the last to `view.end`. */
export function stepPath(at, values, view, base = null) {
  return pieces(at, values, view).map((piece) => {
    const x = (index) => px(view.x.offset + view.x.factor * at[index]);
    const y = (index) => px(view.y.offset + view.y.factor * values[index]);
    let path = `M${x(piece[0])} ${y(piece[0])}`;
    for (let n = 1; n < piece.length; n += 1) {
      if (values[piece[n]] !== values[piece[n - 1]]) path += `H${x(piece[n])}V${y(piece[n])}`;
    }
    const end = lastX(at, piece, view);
    path += `H${end}`;
    return base === null ? path : `${path}V${base}H${x(piece[0])}Z`;
  }).join("");
}

/** The newest value holds until the end of the view, one before a gap until its own sample. */
function lastX(at, piece, view) {
  const last = piece[piece.length - 1];
  const own = px(view.x.offset + view.x.factor * at[last]);
  return last === at.length - 1 && view.end !== undefined ? Math.max(own, px(view.end)) : own;
}

function closed(at, piece, view, base) {
  const x = (index) => px(view.x.offset + view.x.factor * at[index]);
  return `V${base}H${x(piece[0])}Z`;
}

/** Steps of a list of `[at, count]`, for a small chart of `width` × `height` from `start` to `end`. */
export function countSteps(counts, { start, end, top, width, height }) {
  const at = counts.map(([time]) => time);
  const view = { from: 0, to: at.length, x: linear(start, end, 0, width), y: linear(0, top, height, 0), end: width };
  return stepPath(at, counts.map(([, count]) => count), view);
}
