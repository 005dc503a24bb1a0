/** What the charts draw: columns of samples, and the marks, of the time that is in view. */

import { after } from "./chart_path.js";

export const COLUMNS = ["arrivals", "capacity", "value", "target", "desired", "ready", "serving"];
/** As in the history: so many times the usual distance is a gap, of so many seconds at least. */
const GAP_FACTOR = 2.5, MIN_GAP = 6;
/** Seconds after the last sample before a gap at which it begins. */
const GAP_BEGINS = 1;

/**
 * @typedef {{at: number, kind: "decision"|"autoscaler"|"load"|"fault", title: string, detail: string}} Mark
 */
export class Samples {
  at = [];
  /** @type {Mark[]} */
  marks = [];
  metric = "";
  unit = "";
  /** Seconds from one sample to the next, usually. */
  step = 1;

  constructor() {
    for (const name of COLUMNS) this[name] = [];
  }

  get newest() {
    return this.at.at(-1) ?? null;
  }

  /** Whether the shop has an autoscaler now; null: not known. */
  hasAutoscaler = null;

  /** Take a history, as `/api/history` gives it, in place of what was there. */
  replace({ points, marks, metric, unit }) {
    this.at = [...points.at];
    const isShown = this.#matching(points);
    for (const name of COLUMNS) this[name] = points.at.map((_, row) => (isShown(row) ? points[name]?.[row] ?? null : null));
    this.marks = [...marks].sort((one, other) => one.at - other.at);
    if (metric) this.metric = metric;
    if (unit) this.unit = unit;
    this.step = usualStep(this.at);
  }

  /**
   * A frame that repeats an earlier one, or in which nothing runs, is none: a gap, as in the history.
   * @returns whether the frame is newer than what is there, and was taken
   */
  append(frame) {
    if (frame.is_old || !frame.services.length) return false;
    if (this.newest !== null && frame.at <= this.newest) return false;
    if (this.newest !== null && frame.at - this.newest > Math.max(MIN_GAP, GAP_FACTOR * this.step)) this.#push(this.newest + GAP_BEGINS, {});
    this.#push(frame.at, rowOf(frame));
    if (frame.autoscaler) {
      this.metric = frame.autoscaler.metric;
      this.unit = frame.autoscaler.unit;
    }
    return true;
  }

  addMark(mark) {
    const isKnown = this.marks.some((one) => one.at === mark.at && one.kind === mark.kind && one.title === mark.title);
    if (!isKnown) this.marks.splice(after(this.marks.map((one) => one.at), mark.at), 0, mark);
  }

  /** Forget what is older. */
  trim(before) {
    const count = after(this.at, before) - 1;
    if (count <= 0) return;
    this.at.splice(0, count);
    for (const name of COLUMNS) this[name].splice(0, count);
    this.marks = this.marks.filter((one) => one.at >= before);
  }

  decisions() {
    return this.marks.filter((one) => one.kind === "decision");
  }

  /** When the shop that runs at a moment was first seen: before the last gap, it may have been another one. */
  beginOf(moment) {
    const last = after(this.at, moment) - 1;
    const gap = this.desired.lastIndexOf(null, last);
    return last < 0 || gap < 0 ? null : this.at[Math.min(gap + 1, last)];
  }

  /** When the shop that runs now was first seen, of what is here. */
  get begin() {
    return this.beginOf(Infinity) ?? this.at[0] ?? Infinity;
  }

  /**
   * The counts of a shop without an autoscaler are those of all services: they are not shown in the
   * chart of one, and the other way round. Only an autoscaler has a target.
   */
  #matching({ target = [], desired = [] }) {
    if (this.hasAutoscaler === null) return () => true;
    return (row) => desired[row] === null || (target[row] !== null && target[row] !== undefined) === this.hasAutoscaler;
  }

  #push(at, row) {
    this.at.push(at);
    for (const name of COLUMNS) this[name].push(row[name] ?? null);
  }
}

/** Without an autoscaler: what enters the shop, and all its replicas. */
function rowOf(frame) {
  if (frame.autoscaler) return frame.autoscaler;
  const replicas = frame.services.flatMap((one) => one.replicas);
  const serving = replicas.filter((one) => one.phase === "serving").length;
  const isMeasured = frame.edges.length > 0 || frame.services.some((one) => one.rate !== null);
  return {
    arrivals: isMeasured ? sum(frame.edges.filter((one) => one.source === "outside").map((one) => one.rate)) : null,
    desired: sum(frame.services.map((one) => one.desired)),
    ready: serving + replicas.filter((one) => one.phase === "ready").length,
    serving: isMeasured ? serving : null,
  };
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** The median distance between samples. */
function usualStep(at) {
  const steps = at.slice(1).map((time, index) => time - at[index]).sort((one, other) => one - other);
  return steps[steps.length >> 1] ?? 0;
}
