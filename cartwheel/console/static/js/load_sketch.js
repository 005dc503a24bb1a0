/** The curve of a load, drawn small: its stages, and what has been achieved of them so far. */

import { h, setAttribute, svg } from "./dom.js";

const WIDTH = 100;
const HEIGHT = 32;
/** Left free above the highest rate. */
const HEADROOM = 1.12;

/** @param {{seconds: number, rate: number, end_rate: number}[]} stages */
export function pointsOf(stages) {
  let at = 0;
  return stages.flatMap(({ seconds, rate, end_rate }) => {
    const start = at;
    at += seconds;
    return [[start, rate], [at, end_rate]];
  });
}

/** A curve without words: what it shows must be said beside it. */
export class Sketch {
  #asked = svg("path", { class: "sketch-asked" });
  #achieved = svg("path", { class: "sketch-achieved" });
  #now = svg("path", { class: "sketch-now" });
  #seconds = 1;
  #peak = 1;

  constructor() {
    this.element = svg("svg", {
      class: "sketch", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true",
    }, this.#asked, this.#achieved, this.#now);
  }

  setStages(stages) {
    const points = pointsOf(stages);
    this.#seconds = points.at(-1)[0];
    this.#peak = Math.max(...points.map(([, rate]) => rate), 1) * HEADROOM;
    setAttribute(this.#asked, "d", `M0 ${HEIGHT}L${this.#line(points)}L${WIDTH} ${HEIGHT}Z`);
  }

  /** How far it is, and pairs of seconds and achieved rates; null: it does not run. */
  setProgress(seconds, achieved = []) {
    setAttribute(this.#now, "d", seconds === null ? null : `M${this.#x(seconds)} 0V${HEIGHT}`);
    setAttribute(this.#achieved, "d", achieved.length > 1 ? `M${this.#line(achieved)}` : null);
  }

  #line(points) {
    return points.map(([at, rate]) => `${this.#x(at)} ${this.#y(rate)}`).join("L");
  }

  #x(at) {
    return round(Math.min(at / this.#seconds, 1) * WIDTH);
  }

  #y(rate) {
    return round(HEIGHT * (1 - Math.min(rate / this.#peak, 1)));
  }
}

/** The sketch of some stages that do not change. */
export function sketchOf(stages) {
  const sketch = new Sketch();
  sketch.setStages(stages);
  return h("span", { class: "sketch-frame" }, sketch.element);
}

const round = (number) => Math.round(number * 100) / 100;
