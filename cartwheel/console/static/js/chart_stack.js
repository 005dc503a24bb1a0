/** Charts one below the other with one time axis, one cursor, and the marks over all. */

import { Chart } from "./chart.js";
import { fitting, grouped } from "./chart_labels.js";
import { indexAt, range } from "./chart_path.js";
import { linear, place, timeTicks, valueAt } from "./chart_scale.js";
import { setAttribute, setText, svg } from "./dom.js";
import { clock } from "./times.js";

/** In em of the charts' type: the least height of a chart, and what is around the plots. */
const LEAST = 4.4;
const MARGIN = { left: 3.5, right: 9.2, top: 0.2, title: 1.45, axis: 1.4, marks: 1.25 };
/** Seconds in view up to which the labels of the axis have seconds. */
const SHORT = 150;
/** Seconds for which a value is named after its sample. */
const MAX_AGE = 7;
/** Pixels from the cursor to a mark that is named. */
const REACH = 6;
const SIGNS = { load: "M-4 3L4 3L4 -4Z", fault: "M-4 -4L4 4M-4 4L4 -4", autoscaler: "M-4 0H4M1 -3V3" };

export class ChartStack {
  /** @param {HTMLElement} root whose size the charts take */
  constructor(root) {
    this.root = root;
    this.charts = [];
    this.area = svg("rect");
    this.body = svg("g");
    this.front = svg("g");
    this.decisions = svg("path", { class: "decision-lines" });
    this.events = svg("path", { class: "event-lines" });
    this.eventNames = svg("g", { class: "events" });
    this.axis = svg("g", { class: "time-ticks" });
    this.later = svg("rect", { class: "later" });
    this.cursor = svg("path", { class: "cursor" });
    this.flag = svg("g", { class: "flag" }, svg("rect", { rx: 3 }), svg("text"));
    this.node = svg("svg", { "aria-hidden": "true", class: "stack" },
      svg("defs", {}, svg("clipPath", { id: "plot-area" }, this.area), hatch("hatch-over"), hatch("hatch-wait")),
      this.events, this.decisions, this.body, this.later, this.axis, this.eventNames, this.cursor, this.front, this.flag);
    root.append(this.node);
  }

  /** @param {import("./autoscaler_series.js").Chart[]} specs */
  show(specs) {
    this.charts = specs.map((spec) => new Chart(spec));
    this.body.replaceChildren(...this.charts.map((chart) => chart.node));
    this.front.replaceChildren(...this.charts.map((chart) => chart.front));
  }

  /** Read the size: not while drawing, so that drawing never waits for a layout. */
  measure() {
    const box = this.root.getBoundingClientRect();
    this.em = parseFloat(getComputedStyle(this.node).fontSize);
    this.width = Math.max(box.width, 1);
    this.height = Math.max(box.height, 1);
    setAttribute(this.node, "viewBox", `0 0 ${this.width} ${this.height}`);
    this.left = Math.round(MARGIN.left * this.em);
    this.right = Math.round(this.width - MARGIN.right * this.em);
    // It may be measured while it is hidden.
    this.bottom = Math.max(Math.round(this.height - (MARGIN.axis + MARGIN.marks) * this.em), 0);
    for (const [name, value] of [["x", this.left], ["y", 0], ["width", Math.max(this.right - this.left, 0)], ["height", this.height]]) setAttribute(this.area, name, value);
    this.charts.forEach((chart) => { chart.drawnGrid = null; });
  }

  /** The time at a pixel of the page, or null beside the plot. */
  timeAt(clientX) {
    const x = clientX - this.root.getBoundingClientRect().left;
    if (!this.x || x < this.left - 2 || x > this.right + 2) return null;
    return Math.min(Math.max(valueAt(this.x, x), this.start), this.end);
  }

  pixel = (at) => place(this.x, at);

  /**
   * @param {import("./autoscaler_samples.js").Samples} samples
   * @param {{start: number, end: number, focus: number|null, moment: number|null}} view `focus`
   *   is the time whose values are named, null for the newest; what is later than `moment` fades
   */
  draw(samples, { start, end, focus, moment }) {
    this.start = start;
    this.end = end;
    this.x = linear(start, end, this.left, this.right);
    const index = indexAt(samples.at, focus ?? end, Math.max(MAX_AGE, samples.step));
    const isNewest = index === samples.at.length - 1;
    const frame = {
      left: this.left, right: this.right, width: this.width, em: this.em, x: this.x, index, now: end,
      range: range(samples.at, start, end),
      end: isNewest || focus === null ? this.#endOfLine(samples, end) : this.right,
      isAtEnd: focus === null,
    };
    const room = this.bottom - MARGIN.top * this.em;
    const shown = this.#fitting(room);
    const each = room / Math.max(shown.length, 1);
    shown.forEach((chart, n) => {
      const top = Math.round(n * each + (MARGIN.top + MARGIN.title) * this.em);
      chart.draw(samples, { ...frame, top, bottom: Math.round(n * each + each + MARGIN.top * this.em - 4) });
    });
    this.#drawMarks(samples);
    this.#drawAxis();
    this.#drawCursor(focus, moment, samples.marks);
  }

  /** Where there is little room, the first charts are left out. */
  #fitting(room) {
    const most = Math.max(Math.floor(room / (LEAST * this.em)), 1);
    const shown = this.charts.slice(-most);
    for (const chart of this.charts) chart.setHidden(!shown.includes(chart));
    return shown;
  }

  #endOfLine(samples, end) {
    const newest = samples.newest;
    return newest === null ? this.right : Math.min(this.pixel(Math.min(newest + 1, end)), this.right);
  }

  #drawMarks({ marks }) {
    const seen = marks.filter((one) => one.at >= this.start && one.at <= this.end);
    const lines = (kinds) => grouped(seen.filter(kinds), this.pixel, 3).map(({ x }) => `M${Math.round(x) + 0.5} 0V${this.bottom}`).join("");
    setAttribute(this.decisions, "d", lines((one) => one.kind === "decision") || null);
    setAttribute(this.events, "d", lines((one) => one.kind !== "decision") || null);
    const groups = grouped(seen.filter((one) => one.kind !== "decision"), this.pixel, 1.2 * this.em);
    const texts = groups.map(({ marks: found }) => (found.length === 1 ? found[0].title : `${found.length} events`));
    const labels = fitting(
      groups.map(({ x }, n) => ({ start: x + 0.7 * this.em, width: texts[n].length * 0.55 * this.em })),
      { gap: 1.2 * this.em, end: this.width },
    );
    const y = this.bottom + 0.75 * this.em;
    this.#pool(this.eventNames, groups.length, newEvent).forEach((node, n) => {
      const { x, marks: found } = groups[n];
      setAttribute(node, "transform", `translate(${Math.round(x)} ${Math.round(y)})`);
      setAttribute(node.firstChild, "d", SIGNS[found[0].kind]);
      setAttribute(node, "class", `event ${found[0].kind}`);
      setText(node.lastChild, labels[n] ? texts[n] : "");
      setAttribute(node.lastChild, "x", 0.7 * this.em);
      setAttribute(node.lastChild, "y", 0.32 * this.em);
    });
  }

  #drawAxis() {
    const zone = -60 * new Date(this.end * 1000).getTimezoneOffset();
    const [room, least] = this.end - this.start <= SHORT ? [5.2, 1] : [3.8, 60];
    const most = Math.max(1, Math.floor((this.right - this.left) / (room * this.em)));
    const { step, ticks } = timeTicks(this.start, this.end, { most, least, zone });
    const y = this.height - 0.35 * this.em;
    this.#pool(this.axis, ticks.length, () => svg("text", {})).forEach((node, n) => {
      setAttribute(node, "x", Math.round(this.pixel(ticks[n])));
      setAttribute(node, "y", y);
      setText(node, clock(ticks[n]).slice(0, step < 60 ? 8 : 5));
    });
  }

  #drawCursor(focus, moment, marks) {
    const isHidden = focus === null;
    for (const node of [this.cursor, this.flag]) setAttribute(node, "display", isHidden ? "none" : null);
    setAttribute(this.later, "display", moment === null ? "none" : null);
    if (moment !== null) {
      const x = Math.min(Math.max(this.pixel(moment), this.left), this.right);
      for (const [name, value] of [["x", x], ["y", 0], ["width", this.right - x + 1], ["height", this.bottom + 1]]) setAttribute(this.later, name, value);
    }
    if (isHidden) return;
    const x = Math.round(Math.min(Math.max(this.pixel(focus), this.left), this.right)) + 0.5;
    setAttribute(this.cursor, "d", `M${x} 0V${this.height - 1.3 * this.em}`);
    const near = marks.findLast((one) => one.kind !== "decision" && Math.abs(this.pixel(one.at) - x) < REACH);
    const words = near ? `${clock(focus)} ${near.title}` : clock(focus);
    const width = (0.6 * words.length + 0.9) * 0.92 * this.em;
    const middle = Math.min(Math.max(x, width / 2), this.width - width / 2);
    const [rect, text] = this.flag.children;
    for (const [name, value] of [["x", middle - width / 2], ["y", this.height - 1.4 * this.em], ["width", width], ["height", 1.4 * this.em]]) setAttribute(rect, name, value);
    setAttribute(text, "x", middle);
    setAttribute(text, "y", this.height - 0.35 * this.em);
    setText(text, words);
  }

  /** As many children as needed; those that are there are kept. */
  #pool(group, count, create) {
    while (group.children.length > count) group.lastChild.remove();
    while (group.children.length < count) group.append(create());
    return [...group.children];
  }
}

const newEvent = () => svg("g", {}, svg("path"), svg("text"));

/** Lines instead of a tint: they can be told apart without colour, and on a bad projector. */
function hatch(id) {
  return svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 6, height: 6, class: `${id}-ground` }), svg("path", { d: "M0 0V6", class: id }));
}
