/** Where labels and marks go so that none lies on another. Pure functions. */

/**
 * Moves places apart: at least `distance` between two, none beyond `start` and `end`, each as near
 * to where it belongs as possible.
 * @param {number[]} places in ascending order
 */
export function spread(places, { distance, start, end }) {
  const groups = [];
  for (const place of places) {
    groups.push({ center: place, count: 1 });
    while (groups.length > 1 && overlap(groups.at(-2), groups.at(-1), distance)) join(groups);
  }
  const found = groups.flatMap(({ center, count }) => {
    const first = center - ((count - 1) * distance) / 2;
    return Array.from({ length: count }, (_, index) => first + index * distance);
  });
  return within(found, { distance, start, end });
}

function overlap(one, other, distance) {
  const needed = ((one.count + other.count) / 2) * distance;
  return other.center - one.center < needed;
}

function join(groups) {
  const other = groups.pop();
  const one = groups.pop();
  const count = one.count + other.count;
  groups.push({ center: (one.center * one.count + other.center * other.count) / count, count });
}

function within(places, { distance, start, end }) {
  const found = [...places];
  let low = start;
  for (let n = 0; n < found.length; n += 1, low += distance) found[n] = Math.max(found[n], low);
  let high = end;
  for (let n = found.length - 1; n >= 0; n -= 1) {
    found[n] = Math.min(found[n], high);
    high = found[n] - distance;
  }
  return found;
}

/**
 * Marks that lie closer than `distance` pixels become one group.
 * @template {{at: number}} T
 * @param {T[]} marks in the order of time
 * @param {(at: number) => number} x
 * @returns {{x: number, marks: T[]}[]} at the middle of the first and the last
 */
export function grouped(marks, x, distance) {
  const groups = [];
  for (const mark of marks) {
    const last = groups.at(-1);
    if (last && x(mark.at) - (last.first + last.last) / 2 < distance) {
      last.last = x(mark.at);
      last.marks.push(mark);
    } else {
      groups.push({ first: x(mark.at), last: x(mark.at), marks: [mark] });
    }
  }
  return groups.map(({ first, last, marks: found }) => ({ x: (first + last) / 2, marks: found }));
}

/** `2 → 4` and `4 → 7` together are `2 → 4 → 7`; of many, the first, the last and how many. */
export function chain(titles) {
  if (titles.length === 1) return titles[0];
  const counts = titles.flatMap((title) => title.split("→").map((part) => part.trim()));
  const path = counts.filter((count, index) => count !== counts[index - 1]);
  return path.length <= 3 ? path.join(" → ") : `${path[0]} ⇢ ${path.at(-1)} (${titles.length})`;
}

/**
 * Which labels have room beside their signs: each ends before the next sign, and before `end`.
 * @param {{start: number, width: number}[]} labels in ascending order
 * @returns {boolean[]}
 */
export function fitting(labels, { gap, end }) {
  return labels.map(({ start, width }, index) => start + width <= Math.min(end, (labels[index + 1]?.start ?? Infinity) - gap));
}
