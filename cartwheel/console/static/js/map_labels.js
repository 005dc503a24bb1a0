/** Labels that never lie on one another, on a box or outside of the map. */

import { pointAt } from "./map_routes.js";

/** The width of a figure in the small type of labels, in em of the map. */
const CHARACTER = 0.46;
const LINE = 1.05;
const SHARES = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82];
const SHIFTS = [0, 0.4, -0.4, 1, -1];
/**
 * What it costs to lie on another edge, to be beside one's own, to be in a row, to leave out a
 * quiet figure, to leave out a sign.
 */
const CROSSED = 1.2;
const BESIDE = 0.5;
const IN_A_ROW = 0.3;
const REDUCED = 0.7;
const CUT = 10;
/** A label stays until another place is so much better. */
const STAYS = 1;

/** The width of a sign and its words, in em. */
export const widthOf = ({ sign, text }) => text.length * CHARACTER + (sign ? 1 : 0);

/** A label of lines `{sign, text}`, one below the other or all in a row: its size and its parts. */
export function labelOf(lines, em, { isRow }) {
  const widths = lines.map(widthOf);
  let x = 0.3;
  const parts = lines.map((line, index) => {
    const part = { ...line, x: x * em, y: (0.95 + (isRow ? 0 : index * LINE)) * em };
    if (isRow) x += widths[index] + 0.5;
    return part;
  });
  const width = isRow ? x + 0.1 : Math.max(...widths) + 0.6;
  return { parts, width: width * em, height: ((isRow ? 1 : lines.length) * LINE + 0.3) * em };
}

/** What a label may say: everything, no quiet figures, and only if nothing else fits fewer signs. */
function reductions(lines) {
  const loud = lines.filter(({ tone }) => tone !== "quiet");
  const all = [
    { some: lines, effort: 0 },
    { some: loud, effort: REDUCED },
    { some: loud.slice(0, 2), effort: CUT },
    { some: loud.slice(0, 1), effort: 2 * CUT },
  ];
  return all.filter(({ some }, index) => some.length && some.length !== all[index - 1]?.some.length);
}

/**
 * A place for each label that finds one, the most important first.
 * @param {{key: string, lines: object[]}[]} wanted
 * @param {{routes: Map, obstacles: object[], bounds: object, em: number, before: Map}} where
 * `before`: where labels were; one that may stay does
 * @returns {Map<string, {x: number, y: number, width: number, height: number, parts: object[],
 * place: string}>} by key; x and y are the corner, `parts` the lines with their places in it
 */
export function placeLabels(wanted, { routes, obstacles, bounds, em, before = new Map() }) {
  const placed = new Map();
  for (const { key, lines } of wanted) {
    const route = routes.get(key);
    if (!route) continue;
    const taken = [...obstacles, ...placed.values()];
    const isFree = (box) => isInside(box, bounds) && !taken.some((other) => overlap(box, other, 0.1 * em));
    const others = [...routes].filter(([other]) => other !== key).map(([, other]) => other);
    const cost = (box) => box.effort + CROSSED * crossed(box, others);
    const found = cheapest(candidates(route, lines, em), { isFree, cost, place: before.get(key)?.place });
    if (found) placed.set(key, found);
  }
  return placed;
}

/** The cheapest place and shape, or those that the label has if they are not much worse. */
function cheapest(boxes, { isFree, cost, place }) {
  let [best, least] = [null, Infinity];
  for (const box of boxes.sort((a, b) => a.effort - b.effort)) {
    if (box.effort >= least) break;
    const its = isFree(box) ? cost(box) : Infinity;
    if (its < least) [best, least] = [box, its];
  }
  const stays = boxes.find((box) => box.place === place);
  return stays && isFree(stays) && cost(stays) < least + STAYS ? stays : best;
}

function candidates(route, lines, em) {
  const points = SHARES.map((share) => pointAt(route, share * route.length));
  const shapes = reductions(lines).flatMap(({ some, effort }) => [
    { some, isRow: false, effort },
    ...(some.length > 1 ? [{ some, isRow: true, effort: effort + IN_A_ROW }] : []),
  ]);
  return shapes.flatMap(({ some, isRow, effort }) => placesOf(points, labelOf(some, em, { isRow }), em)
    .map((one) => ({ ...one, place: `${some.length} ${isRow} ${one.place}`, effort: one.effort + effort })));
}

/** On the line, or beside it. */
function placesOf(points, label, em) {
  const { width, height } = label;
  return SHIFTS.flatMap((shift, row) => points.map(({ x, y, angle }, index) => {
    const away = shift * (0.3 * em + Math.abs(Math.sin(angle)) * width / 2 + Math.abs(Math.cos(angle)) * height / 2);
    return {
      ...label,
      x: x - Math.sin(angle) * away - width / 2,
      y: y + Math.cos(angle) * away - height / 2,
      place: row * SHARES.length + index,
      effort: Math.abs(shift) * BESIDE + index * 0.1,
    };
  }));
}

/** Whether two boxes come closer than `margin`. */
export function overlap(a, b, margin = 0) {
  return a.x < b.x + b.width + margin && b.x < a.x + a.width + margin &&
    a.y < b.y + b.height + margin && b.y < a.y + a.height + margin;
}

const isInside = (box, bounds) => box.x >= bounds.x && box.y >= bounds.y &&
  box.x + box.width <= bounds.x + bounds.width && box.y + box.height <= bounds.y + bounds.height;

/** How many other edges run beneath a box. */
function crossed(box, routes) {
  const isIn = ({ x, y }) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height;
  return routes.filter((route) => route.points.some(isIn)).length;
}

/** As many signs as fit into `lines` lines of a width, the most important first. */
export function fitSigns(signs, { width, lines, em }) {
  const fitting = [];
  let [line, used] = [0, 0];
  for (const one of signs) {
    const text = shortened(one.text, width, em);
    const size = (widthOf({ ...one, text }) + 0.6) * em;
    if (used && used + size > width) [line, used] = [line + 1, 0];
    if (line === lines) break;
    fitting.push({ ...one, text, x: used, line });
    used += size;
  }
  return fitting;
}

/** Whether a text in the small type is at most as wide. */
export const fits = (text, width, em) => text.length * CHARACTER * em <= width;

/** A text that is cut where its space ends. */
export function shortened(text, width, em) {
  const most = Math.max(2, Math.floor((width / em - 1) / CHARACTER));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
