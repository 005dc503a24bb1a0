/** One small chart: grid, series, what is above a line, and labels beside the values. */

import { spread } from "./chart_labels.js";
import { linePath, stepPath } from "./chart_path.js";
import { linear, place, steadyTop, valueTicks } from "./chart_scale.js";
import { setAttribute, setText, svg } from "./dom.js";
import { number, withUnit } from "./numbers.js";

const HEADROOM = 1.08;
const DOT = 3.5;
let charts = 0;

/**
 * Where the chart lies in pixels, and which time it shows.
 * @typedef {object} Frame
 * @property {number} left of the plot
 * @property {number} right of the plot
 * @property {number} top of the plot
 * @property {number} bottom of the plot
 * @property {number} width of all, with the labels
 * @property {number} em pixels of the type
 * @property {import("./chart_scale.js").Scale} x
 * @property {{from: number, to: number}} range of samples in view
 * @property {number} end pixel to which the newest value holds
 * @property {number} index of the sample whose values are named, -1 for none
 * @property {number} now seconds, for the scale
 */
export class Chart {
  /** @param {import("./autoscaler_series.js").Chart} spec */
  constructor(spec) {
    this.spec = spec;
    this.scale = null;
    this.id = `above-${(charts += 1)}`;
    this.title = svg("text", { class: "chart-title" }, spec.title, spec.note && svg("tspan", { class: "chart-note", dx: "0.6em" }, spec.note));
    this.grid = svg("path", { class: "grid" });
    this.ticks = svg("g", { class: "value-ticks" });
    this.above = svg("path");
    this.over = svg("path", { class: `over ${spec.over ? spec.over.join("-") : ""}`, "clip-path": `url(#${this.id})` });
    this.lines = spec.series.map((one) => svg("path", { class: `series ${one.look} ${one.column}` }));
    this.dots = spec.series.map((one) => svg("circle", { class: `dot ${one.column}`, r: DOT }));
    this.leaders = svg("path", { class: "leader" });
    this.labels = spec.series.map((one) => svg("text", { class: `label ${one.column}` }, svg("tspan", { class: "label-value" }), svg("tspan", { class: "label-name", dx: "0.4em" }, one.name)));
    const plot = svg("g", { "clip-path": "url(#plot-area)" }, svg("clipPath", { id: this.id }, this.above), this.fills(), this.over, this.lines);
    this.node = svg("g", {}, this.title, this.grid, this.ticks, plot);
    this.front = svg("g", {}, this.leaders, this.dots, this.labels);
  }

  /** Areas are paths of their own, so that their lines stay on top. */
  fills() {
    this.areas = this.spec.series.map((one) => (one.look === "area" ? svg("path", { class: `fill ${one.column}` }) : null));
    return this.areas.filter(Boolean);
  }

  setHidden(isHidden) {
    setAttribute(this.node, "display", isHidden ? "none" : null);
    setAttribute(this.front, "display", isHidden ? "none" : null);
  }

  forgetScale() {
    this.scale = null;
  }

  /** @param {import("./autoscaler_samples.js").Samples} samples @param {Frame} frame */
  draw(samples, frame) {
    const y = this.#yScale(samples, frame);
    this.#drawGrid(y, frame);
    const view = { ...frame.range, x: frame.x, y, end: frame.end };
    this.spec.series.forEach((one, index) => {
      const path = one.isStepped ? stepPath : linePath;
      setAttribute(this.lines[index], "d", path(samples.at, samples[one.column], view));
      if (this.areas[index]) setAttribute(this.areas[index], "d", path(samples.at, samples[one.column], view, frame.bottom));
    });
    this.#drawOver(samples, view, frame);
    this.#drawLabels(samples, y, frame);
  }

  #yScale(samples, { range, now, top, bottom }) {
    let needed = this.spec.floor;
    for (const { column } of this.spec.series) {
      const values = samples[column];
      for (let index = range.from; index < range.to; index += 1) if (values[index] > needed) needed = values[index];
    }
    this.scale = steadyTop(this.scale, needed * HEADROOM, now);
    return linear(0, this.scale.top, bottom, top);
  }

  #drawGrid(y, { left, right, top, bottom, em }) {
    const key = `${this.scale.top} ${left} ${right} ${top} ${y.factor} ${em}`;
    if (key === this.drawnGrid) return;
    this.drawnGrid = key;
    const ticks = apart(this.#ticks(bottom - top, em), y, 1.1 * em);
    setAttribute(this.title, "x", left);
    setAttribute(this.title, "y", top - 0.35 * em);
    setAttribute(this.grid, "d", ticks.map(({ value }) => `M${left} ${Math.round(place(y, value)) + 0.5}H${right}`).join(""));
    this.ticks.replaceChildren(...ticks.map(({ value, name }) => svg("text", { x: left - 0.45 * em, y: place(y, value) + 0.3 * em }, name)));
  }

  /** Limits, if they are in view, say more than round values do. */
  #ticks(height, em) {
    const { limits = [], isWhole, unit } = this.spec;
    if (limits.length && limits.every(({ value }) => value <= this.scale.top)) return [{ value: 0, name: "0" }, ...limits.toSorted((one, other) => one.value - other.value)];
    const most = Math.min(Math.max(Math.floor(height / (1.6 * em)), 1), 3);
    const values = valueTicks(this.scale.top, { most, whole: isWhole });
    return values.map((value, index) => ({ value, name: index === values.length - 1 ? withUnit(value, unit) : number(value) }));
  }

  #drawOver(samples, view, { top, bottom }) {
    if (!this.spec.over) return;
    const [over, under] = this.spec.over;
    const isStepped = this.spec.series.find((one) => one.column === over).isStepped;
    setAttribute(this.above, "d", stepPath(samples.at, samples[under], view, top));
    setAttribute(this.over, "d", (isStepped ? stepPath : linePath)(samples.at, samples[over], view, bottom));
  }

  /** The value and the name beside the end of each line, or beside where the cursor is. */
  #drawLabels(samples, y, { index, right, top, bottom, em, x, isAtEnd, end }) {
    const shown = this.spec.series
      .map((one, n) => ({ n, value: index < 0 ? null : samples[one.column][index] }))
      .filter(({ value }) => value !== null && value !== undefined)
      .map((one) => ({ ...one, y: place(y, one.value) }))
      .sort((one, other) => one.y - other.y || other.n - one.n);
    const places = spread(shown.map((one) => one.y), { distance: 1.2 * em, start: top + 0.1 * em, end: bottom - 0.1 * em });
    const at = isAtEnd ? end : Math.min(place(x, samples.at[index]), right);
    this.labels.forEach((label) => setAttribute(label, "display", "none"));
    this.dots.forEach((dot) => setAttribute(dot, "display", "none"));
    let leaders = "";
    shown.forEach(({ n, value, y: own }, order) => {
      const [label, dot] = [this.labels[n], this.dots[n]];
      leaders += `M${at + DOT} ${own}H${right + 0.1 * em}L${right + 0.75 * em} ${places[order]}`;
      setAttribute(dot, "display", null);
      setAttribute(dot, "cx", at);
      setAttribute(dot, "cy", own);
      setAttribute(label, "display", null);
      setAttribute(label, "x", right + 0.9 * em);
      setAttribute(label, "y", places[order] + 0.35 * em);
      setText(label.firstChild, withUnit(value, this.spec.unit));
    });
    setAttribute(this.leaders, "d", leaders || null);
  }
}

/** Without those that another one would touch; the upper ones stay. */
function apart(ticks, y, distance) {
  const kept = [];
  for (const tick of ticks.toReversed()) {
    const last = kept.at(-1);
    if (!last || place(y, tick.value) - place(y, last.value) >= distance) kept.push(tick);
  }
  return kept.reverse();
}
