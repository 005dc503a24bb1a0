/**
 * Where things are, in pixels. Services are in columns from left to right or, where it is narrow,
 * in rows from top to bottom: then a column lies down. `em` is the size of the type.
 */

import { columnsOf } from "./map_places.js";

const WIDER = 1.2;
const TALLER = 1.3;
const PADDING = 0.6;
/** The most of a service's share of a column that is left empty. */
const GAP = 0.3;
/** The heights inside a box, in em: the title, the least for wheels, a line of signs, the store. */
const TITLE = 1.6;
const WHEELS = 1.5;
const SIGN = 1.05;
const STORE = 1.5;
const BOTTOM = 0.3;
/** Two services of a column that lies down need so much of its width, in em. */
const BESIDE = 8;
/** From this height on a box has room for a second line of signs, in em. */
const TALL = 9.9;
/** The least size of a map of which everything can be read, in em. */
const LEAST = { width: 36, height: 21 };

/** The size of the type for a map of this size: that of the page, or less to fit. */
export function typeFor({ width, height, em, isVertical }) {
  return isVertical ? em : Math.min(em, width / LEAST.width, height / LEAST.height);
}

/** The height of a map whose columns lie down. */
export const verticalHeight = (places, { em, width }) => (3.4 + rowsOf(places, { em, across: width }).length * 13) * em;

/** Columns that lie down, in pieces as long as there is room for. */
function rowsOf(places, { em, across }) {
  const most = Math.max(2, Math.floor(across / (BESIDE * em)));
  return columnsOf(places).flatMap((names) =>
    Array.from({ length: Math.ceil(names.length / most) }, (_, row) => names.slice(row * most, (row + 1) * most)));
}

/**
 * A box for each service, and the point from which requests come.
 * @param {{width: number, height: number, em: number, isVertical: boolean, scaled: string}} view
 * `scaled`: the service of the autoscaler has more space
 */
export function layOut(places, { width, height, em, isVertical, scaled }) {
  const [along, across] = isVertical ? [height, width] : [width, height];
  const columns = isVertical ? rowsOf(places, { em, across }) : columnsOf(places);
  const boxes = new Map();
  const begin = (isVertical ? 3.4 : 3.8) * em;
  const weights = columns.map((names) => (names.includes(scaled) ? WIDER : 1));
  const unit = (along - begin) / sum(weights);
  let from = begin;
  columns.forEach((names, index) => {
    const slot = unit * weights[index];
    const gap = isVertical ? 3.4 * em : clamp(0.36 * unit, 4.4 * em, 11 * em);
    const stretch = { from: from + gap, to: Math.max(from + gap + em, from + slot - 0.1 * em) };
    addColumn(boxes, names, { stretch, across, em, scaled, isVertical });
    from += slot;
  });
  const middle = middleOf(boxes, columns[0], isVertical) ?? across / 2;
  const outside = isVertical ? { x: middle, y: 1.9 * em } : { x: 1.9 * em, y: middle };
  return { boxes, columns, outside, isVertical, width, height, em };
}

function addColumn(boxes, names, { stretch, across, em, scaled, isVertical }) {
  const weights = names.map((name) => (name === scaled && !isVertical ? TALLER : 1));
  const widest = (isVertical ? 1.7 : 2.3) * em;
  const most = (isVertical ? 14 : 10.5) * em;
  let from = 0;
  names.forEach((name, index) => {
    const slot = (across * weights[index]) / sum(weights);
    const gap = Math.min(widest, GAP * slot);
    const size = Math.max(em, Math.min(slot - gap, most * weights[index]));
    const start = from + (slot - size) / 2;
    const { from: begin, to: end } = stretch;
    boxes.set(name, isVertical
      ? { x: start, y: begin, width: size, height: end - begin }
      : { x: begin, y: start, width: end - begin, height: size });
    from += slot;
  });
}

function middleOf(boxes, names, isVertical) {
  const found = (names ?? []).map((name) => boxes.get(name));
  if (!found.length) return null;
  return sum(found.map((box) => (isVertical ? box.x + box.width / 2 : box.y + box.height / 2))) / found.length;
}

/**
 * What a box has room for, and where. A small one leaves out the store, a smaller one the lines of
 * signs (the worst is in the title then), and the smallest has all in one line.
 * @returns {{title: object, wheels: object, signs: number[], hasStore: boolean}} `title` with its
 * baseline, `signs` the baselines of their lines
 */
export function roomIn(box, em, { hasStore }) {
  const height = box.height / em;
  const [x, width] = [box.x + PADDING * em, Math.max(1, box.width - 2 * PADDING * em)];
  if (height < TITLE + WHEELS) return inOneLine(box, em, { x, width });
  const showsStore = hasStore && height >= TITLE + WHEELS + SIGN + STORE;
  const lines = height < TITLE + WHEELS + SIGN + BOTTOM ? 0 : height < TALL ? 1 : 2;
  const below = showsStore ? STORE : BOTTOM;
  const bottom = box.y + box.height;
  return {
    title: { x, y: box.y + 1.15 * em, width },
    wheels: { x, y: box.y + TITLE * em, width, height: Math.max(1, box.height - (TITLE + lines * SIGN + below) * em) },
    signs: Array.from({ length: lines }, (_, line) => bottom - (below + (lines - line) * SIGN - 0.75) * em),
    hasStore: showsStore,
  };
}

function inOneLine(box, em, { x, width }) {
  const [half, edge] = [width / 2, 0.2 * em];
  return {
    title: { x, y: box.y + box.height / 2 + 0.3 * em, width: half - 0.4 * em },
    wheels: { x: x + half, y: box.y + edge, width: half, height: Math.max(1, box.height - 2 * edge) },
    signs: [],
    hasStore: false,
  };
}

/** The centres and the radius of `count` wheels in an area: as large as fits, row by row, the last in the middle. */
export function wheelGrid(count, area, em) {
  let best = { pitch: 0, columns: 1, rows: count };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const pitch = Math.min(area.width / columns, area.height / rows);
    if (pitch > best.pitch + 0.01) best = { pitch, columns, rows };
  }
  const pitch = Math.min(best.pitch, 5.4 * em);
  const left = area.x + (area.width - pitch * best.columns) / 2;
  const top = area.y + (area.height - pitch * best.rows) / 2;
  const whole = count - (count % best.columns);
  const indent = (pitch * (best.columns - (count % best.columns))) / 2;
  const centres = Array.from({ length: count }, (_, slot) => ({
    x: left + pitch * ((slot % best.columns) + 0.5) + (slot < whole ? 0 : indent),
    y: top + pitch * (Math.floor(slot / best.columns) + 0.5),
  }));
  return { radius: Math.max(2, pitch * 0.45), centres };
}

/** Radii of the parts of a wheel, and of the type in its hub. */
export function wheelParts(radius, em) {
  const hub = radius * (radius < 1.7 * em ? 0.6 : 0.5);
  return {
    tyre: radius - 1,
    rim: radius * 0.86,
    rimWidth: Math.max(1.5, radius * 0.14),
    spokes: [hub + 1, radius * 0.78],
    hub,
    type: Math.min(1.15 * em, hub * 1.15),
  };
}

/** An arc of a circle around 0,0 that begins at the top, as the `d` of a path. */
export function arc(radius, share) {
  if (!(share > 0)) return "";
  if (share >= 0.999) return `M0 ${-radius}A${radius} ${radius} 0 1 1 -0.01 ${-radius}Z`;
  const angle = share * 2 * Math.PI;
  const [x, y] = [Math.sin(angle) * radius, -Math.cos(angle) * radius];
  return `M0 ${-radius}A${radius} ${radius} 0 ${share > 0.5 ? 1 : 0} 1 ${x.toFixed(2)} ${y.toFixed(2)}`;
}

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
const clamp = (number, least, most) => Math.min(most, Math.max(least, number));
