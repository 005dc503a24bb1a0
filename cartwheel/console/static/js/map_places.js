/** What stays where it is: the column of a service, the slot of a replica, the size of a grid. */

export const OUTSIDE = "outside";

/** The shop's own places: column and row. A service of another shop gets one by its edges. */
const SHOP = {
  storefront: [0, 0],
  cart: [1, 0],
  tracking: [1, 1],
  products: [2, 0],
  user: [2, 1],
};
const MAX_COLUMN = 4;
const SHRINKS_AFTER = 60;
const TIERS = [1, 2, 4, 6, 9, 12, 16, 20, 25, 30, 36];

/** More replicas than this are drawn as one wheel for each phase. */
export const MAX_WHEELS = 32;

/**
 * A column for each service. One with an edge keeps its place; one that nobody has called yet
 * waits in the last column.
 * @param {Map<string, {column: number, row: number, isSettled: boolean}>} before
 * @returns a new map of the same kind
 */
export function placeServices(before, names, edges) {
  const places = new Map([...before].filter(([, place]) => place.isSettled));
  for (const name of names) {
    if (SHOP[name]) places.set(name, { column: SHOP[name][0], row: SHOP[name][1], isSettled: true });
  }
  const waiting = new Set(names.filter((name) => !places.has(name)));
  for (let name = nextToSettle(waiting, places, edges); name; name = nextToSettle(waiting, places, edges)) {
    waiting.delete(name);
    places.set(name, { column: columnOf(name, places, edges), row: rowAfterAll(places), isSettled: true });
  }
  const last = Math.max(0, ...[...places.values()].map((place) => place.column));
  for (const name of waiting) places.set(name, { column: last, row: rowAfterAll(places), isSettled: false });
  return places;
}

/** First who is called by placed services only, then who is called by one, then who calls. */
function nextToSettle(waiting, places, edges) {
  const isPlaced = (name) => name === OUTSIDE || places.has(name);
  const callers = (name) => edges.filter((edge) => edge.target === name && edge.source !== name);
  const names = [...waiting];
  return (
    names.find((name) => callers(name).length && callers(name).every((edge) => isPlaced(edge.source))) ??
    names.find((name) => callers(name).some((edge) => isPlaced(edge.source))) ??
    names.find((name) => edges.some((edge) => edge.source === name))
  );
}

function columnOf(name, places, edges) {
  const columns = edges
    .filter((edge) => edge.target === name && places.has(edge.source))
    .map((edge) => places.get(edge.source).column + 1);
  return Math.min(MAX_COLUMN, Math.max(0, ...columns));
}

const rowAfterAll = (places) => Math.max(1, ...[...places.values()].map((place) => place.row)) + 1;

/** The names of the services, column by column, from top to bottom; columns without any are left out. */
export function columnsOf(places) {
  const columns = [];
  for (const [name, { column }] of [...places].sort(([, a], [, b]) => a.row - b.row)) {
    (columns[column] ??= []).push(name);
  }
  return columns.filter(Boolean);
}

/**
 * A slot for each name: those that stay keep theirs, new ones get the lowest that is free.
 * @param {Map<string, number>} before
 */
export function assignSlots(before, names) {
  const slots = new Map(names.filter((name) => before.has(name)).map((name) => [name, before.get(name)]));
  const taken = new Set(slots.values());
  let next = 0;
  for (const name of names) {
    if (slots.has(name)) continue;
    while (taken.has(next)) next += 1;
    slots.set(name, next);
    taken.add(next);
  }
  return slots;
}

/** How many slots a grid has for so many replicas: sizes in steps, so that wheels seldom shrink. */
export function tierOf(count) {
  return TIERS.find((tier) => tier >= count) ?? TIERS.at(-1);
}

/**
 * The grid of a service: it grows at once, and shrinks when it was too large for a minute.
 * @param {{size: number, at: number}|undefined} before `at`: when so many were last needed
 */
export function gridSize(before, { needed, at }) {
  if (!before || needed >= before.size) return { size: needed, at };
  return at - before.at > SHRINKS_AFTER || at < before.at ? { size: needed, at } : before;
}
