/**
 * The way of each edge: a curve from the side of one box to that of another. An edge that passes a
 * column goes through a gap between its boxes. Here `u` runs along the columns and `v` across them.
 */

import { OUTSIDE } from "./map_places.js";

const SAMPLES = 14;

export const keyOf = (edge) => `${edge.source}->${edge.target}`;

/**
 * @param {{source: string, target: string}[]} edges all that are known: each gets a place of its own
 * @returns {Map<string, {d: string, points: {x: number, y: number, at: number}[], length: number}>}
 */
export function routeEdges(edges, layout) {
  const columns = columnSpans(layout);
  const found = edges.map((edge) => endsOf(edge, layout, columns)).filter(Boolean);
  for (const one of found) one.lanes = lanesOf(one, columns, layout.em);
  spreadLanes(found, layout.em);
  spreadPorts(found, layout.em);
  return new Map(found.map((one) => [one.key, curve(waypoints(one, columns, layout.em), layout.isVertical)]));
}

function columnSpans(layout) {
  return layout.columns.map((names) => {
    const boxes = names.map((name) => turned(layout.boxes.get(name), layout.isVertical));
    return {
      boxes,
      from: Math.min(...boxes.map((box) => box.u0)),
      to: Math.max(...boxes.map((box) => box.u1)),
      across: layout.isVertical ? layout.width : layout.height,
    };
  });
}

function turned(box, isVertical) {
  return isVertical
    ? { u0: box.y, u1: box.y + box.height, v0: box.x, v1: box.x + box.width }
    : { u0: box.x, u1: box.x + box.width, v0: box.y, v1: box.y + box.height };
}

function endsOf(edge, layout, columns) {
  const from = endOf(edge.source, layout);
  const to = endOf(edge.target, layout);
  if (!from || !to || edge.source === edge.target) return null;
  const [fromSide, toSide] = sidesOf(from, to, columns);
  return { key: keyOf(edge), from, to, fromSide, toSide, lanes: [] };
}

function endOf(name, layout) {
  if (name !== OUTSIDE) {
    const column = layout.columns.findIndex((names) => names.includes(name));
    return column < 0 ? null : { column, ...turned(layout.boxes.get(name), layout.isVertical), name };
  }
  const { x, y } = layout.outside;
  const [u, v] = layout.isVertical ? [y, x] : [x, y];
  const half = 0.5 * layout.em;
  return { column: -1, u0: u - half, u1: u + half, v0: v - half, v1: v + half, name };
}

function sidesOf(from, to, columns) {
  if (to.column > from.column) return ["front", "back"];
  if (to.column < from.column) return ["back", "front"];
  const between = columns[from.column].boxes.filter((box) => within(middle(box), middle(from), middle(to)));
  if (between.length) return ["front", "front"];
  return middle(to) > middle(from) ? ["right", "left"] : ["left", "right"];
}

const middle = (box) => (box.v0 + box.v1) / 2;
const within = (value, a, b) => value > Math.min(a, b) + 1 && value < Math.max(a, b) - 1;

/** The gap through which an edge passes each column between its ends. */
function lanesOf({ from, to }, columns, em) {
  const lanes = [];
  const step = Math.sign(to.column - from.column);
  for (let column = from.column + step; step && column !== to.column; column += step) {
    const share = (column - from.column) / (to.column - from.column);
    const wanted = middle(from) + share * (middle(to) - middle(from));
    lanes.push({ column, ...nearestGap(columns[column], wanted, em) });
  }
  return lanes;
}

function nearestGap({ boxes, across }, wanted, em) {
  const sorted = [...boxes].sort((a, b) => a.v0 - b.v0);
  const starts = [0, ...sorted.map((box) => box.v1)];
  const gaps = starts.map((start, index) => ({ gap: index, start, end: sorted[index]?.v0 ?? across }));
  const distance = ({ start, end }) => {
    const isTight = end - start < 0.8 * em;
    return Math.max(start - wanted, wanted - end, 0) + (isTight ? across : 0);
  };
  const best = gaps.reduce((one, other) => (distance(other) < distance(one) ? other : one));
  const edge = Math.min(0.7 * em, (best.end - best.start) / 2);
  return { gap: best.gap, v: Math.min(best.end - edge, Math.max(best.start + edge, wanted)) };
}

/** Edges in one gap run beside each other. */
function spreadLanes(found, em) {
  const gaps = groupBy(found.flatMap((edge) => edge.lanes.map((lane) => ({ lane, edge }))),
    ({ lane }) => `${lane.column} ${lane.gap}`);
  for (const members of gaps) {
    members.sort((a, b) => middle(a.edge.to) - middle(b.edge.to) || middle(a.edge.from) - middle(b.edge.from));
    const centre = members.reduce((total, { lane }) => total + lane.v, 0) / members.length;
    members.forEach(({ lane }, index) => {
      lane.v = centre + (index - (members.length - 1) / 2) * 0.75 * em;
    });
  }
}

/** Edges that share a side of a box leave it side by side, in the order of where they go. */
function spreadPorts(found, em) {
  const ends = found.flatMap((edge) => [
    { edge, box: edge.from, side: edge.fromSide, port: "start", next: edge.lanes[0]?.v ?? middle(edge.to) },
    { edge, box: edge.to, side: edge.toSide, port: "end", next: edge.lanes.at(-1)?.v ?? middle(edge.from) },
  ]);
  for (const members of groupBy(ends, ({ box, side }) => `${box.name} ${side}`)) {
    members.sort((a, b) => a.next - b.next);
    members.forEach(({ edge, box, side, port }, index) => {
      edge[port] = portOn(box, side, index - (members.length - 1) / 2, members.length, em);
    });
  }
}

function portOn(box, side, offset, count, em) {
  const isFrontOrBack = side === "front" || side === "back";
  const size = isFrontOrBack ? box.v1 - box.v0 : box.u1 - box.u0;
  const shift = offset * Math.min(1.1 * em, (0.8 * size) / count);
  if (isFrontOrBack) return { u: side === "front" ? box.u1 : box.u0, v: middle(box) + shift };
  return { u: (box.u0 + box.u1) / 2 + shift, v: side === "right" ? box.v1 : box.v0 };
}

function groupBy(items, keyOfItem) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOfItem(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups.values();
}

/** The points through which an edge goes, each pair joined by a curve or a straight line. */
function waypoints({ from, to, fromSide, toSide, start, end, lanes }, columns, em) {
  const pieces = [];
  let last = start;
  for (const lane of lanes) {
    const { from: near, to: far } = columns[lane.column];
    const isForward = to.column > from.column;
    const entry = { u: isForward ? near : far, v: lane.v };
    const exit = { u: isForward ? far : near, v: lane.v };
    pieces.push(bend(last, entry), [entry, entry, exit, exit]);
    last = exit;
  }
  if (fromSide === "front" && toSide === "front") {
    const bulge = Math.max(start.u, end.u) + 2.5 * em;
    return [[start, { u: bulge, v: start.v }, { u: bulge, v: end.v }, end]];
  }
  const isSideways = fromSide === "left" || fromSide === "right";
  pieces.push(isSideways ? [last, last, end, end] : bend(last, end));
  return pieces;
}

function bend(from, to) {
  const half = (from.u + to.u) / 2;
  return [from, { u: half, v: from.v }, { u: half, v: to.v }, to];
}

function curve(pieces, isVertical) {
  const real = pieces.map((piece) => piece.map(({ u, v }) => (isVertical ? { x: v, y: u } : { x: u, y: v })));
  const [first] = real[0];
  const d = real.map(([, a, b, c]) => `C${[a, b, c].map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`)}`);
  const points = [{ ...first, at: 0 }];
  for (const piece of real) {
    for (let n = 1; n <= SAMPLES; n += 1) addPoint(points, onCurve(piece, n / SAMPLES));
  }
  return { d: `M${first.x.toFixed(1)} ${first.y.toFixed(1)}${d.join("")}`, points, length: points.at(-1).at };
}

function addPoint(points, { x, y }) {
  const last = points.at(-1);
  points.push({ x, y, at: last.at + Math.hypot(x - last.x, y - last.y) });
}

function onCurve([p, a, b, q], t) {
  const s = 1 - t;
  const [i, j, k, l] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return { x: i * p.x + j * a.x + k * b.x + l * q.x, y: i * p.y + j * a.y + k * b.y + l * q.y };
}

/** The point so many pixels along a route, and the direction there. */
export function pointAt({ points, length }, distance) {
  const wanted = Math.min(length, Math.max(0, distance));
  let index = 1;
  while (index < points.length - 1 && points[index].at < wanted) index += 1;
  const [a, b] = [points[index - 1], points[index]];
  const share = b.at > a.at ? (wanted - a.at) / (b.at - a.at) : 0;
  return {
    x: a.x + share * (b.x - a.x),
    y: a.y + share * (b.y - a.y),
    angle: Math.atan2(b.y - a.y, b.x - a.x),
  };
}
