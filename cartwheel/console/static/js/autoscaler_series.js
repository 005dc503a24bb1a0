/** Which three charts the panel has, and what each shows. */

import { inWords } from "./numbers.js";

/**
 * @typedef {object} Series
 * @property {string} column
 * @property {string} name a word beside the value
 * @property {"line"|"dash"|"area"|"outline"} look
 * @property {boolean} isStepped
 *
 * @typedef {object} Chart
 * @property {string} title
 * @property {string} [note] beside the title
 * @property {string} unit
 * @property {boolean} isWhole
 * @property {Series[]} series in the order in which they are drawn
 * @property {[string, string]|null} over the area where the first column is above the second is marked
 * @property {{value: number, name: string}[]} [limits] named on the axis
 * @property {number} floor the least value that the scale reaches
 */

const series = (column, name, look, isStepped = false) => ({ column, name, look, isStepped });

/** @returns {Chart[]} of a frame's autoscaler; null: there is none */
export function chartsOf(autoscaler) {
  if (!autoscaler) return [arrivals("Requests into the shop", false), replicas("Replicas of all services", 2)];
  return [
    arrivals(`Requests to ${autoscaler.service}`, autoscaler.capacity !== null),
    metric(autoscaler),
    replicas(`Replicas of ${autoscaler.service}`, Math.min(autoscaler.max, 10), limitsOf(autoscaler)),
  ];
}

function arrivals(title, hasCapacity) {
  const capacity = hasCapacity ? [series("capacity", "capacity", "dash", true)] : [];
  return {
    title,
    unit: "requests/s",
    isWhole: false,
    floor: 10,
    series: [...capacity, series("arrivals", "arrivals", "line")],
    over: hasCapacity ? ["arrivals", "capacity"] : null,
  };
}

function metric({ metric: name, unit, target }) {
  return {
    title: metricTitle(name, unit),
    unit,
    isWhole: false,
    floor: target ? 1.3 * target : 1,
    series: [series("target", "target", "dash", true), series("value", "now", "line")],
    over: ["value", "target"],
  };
}

/** The metric's name unless it is one that KEDA made up. */
function metricTitle(name, unit) {
  if (name === "cpu" && unit === "%") return "CPU of each replica, % of its request";
  const words = (/^s\d+-/.test(name) ? unit : name) || "metric";
  return `${words[0].toUpperCase()}${words.slice(1)} of each replica`;
}

const limitsOf = ({ min, max }) => [{ value: max, name: `max ${max}` }, { value: min, name: `min ${min}` }];

function replicas(title, floor, limits = []) {
  return {
    title,
    note: "serving: with requests",
    unit: "",
    isWhole: true,
    floor,
    limits,
    series: [series("serving", "serving", "line", true), series("ready", "ready", "area", true), series("desired", "desired", "outline", true)],
    over: ["desired", "ready"],
  };
}

/** The charts at one moment, in one sentence. */
export function summary(charts, values) {
  const parts = charts.flatMap(({ series: all, unit }) => all.toReversed().map(({ column, name }) => {
    const value = values[column] ?? null;
    return value === null ? null : `${name === "now" ? "the metric is" : name} ${inWords(value, unit)}`;
  }));
  return parts.filter(Boolean).join(", ");
}
