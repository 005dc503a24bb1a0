/** The charts as a table: the newest first. */

import { range } from "./chart_path.js";
import { h } from "./dom.js";
import { withUnit } from "./numbers.js";
import { clock } from "./times.js";

const MAX_ROWS = 60;
const INTERVAL = 5;

export class TableView {
  #shownAt = null;

  constructor() {
    this.node = h("div", { class: "scroll table-view", tabindex: 0, role: "region", "aria-label": "Values over time", hidden: true });
  }

  /** Made anew every few seconds: a table that changes each second cannot be read. */
  show(samples, charts, view) {
    const key = `${Math.floor(view.end / INTERVAL)} ${view.end - view.start} ${samples.marks.length} ${charts.length}`;
    if (key === this.#shownAt) return;
    this.#shownAt = key;
    const columns = charts.flatMap(({ unit, series }) => series.toReversed().map((one) => ({ ...one, unit })));
    const head = h("tr", {}, h("th", { scope: "col" }, "Time"), columns.map((one) => h("th", { scope: "col" }, one.column === "value" ? "metric" : one.name)), h("th", { scope: "col" }, "What happened"));
    this.node.replaceChildren(h("table", {}, h("thead", {}, head), h("tbody", {}, rowsOf(samples, columns, view))));
  }
}

function rowsOf(samples, columns, { start, end }) {
  const { from, to } = range(samples.at, start, end);
  const step = Math.max(1, Math.ceil((to - from) / MAX_ROWS));
  const rows = [];
  for (let index = to - 1; index >= from; index -= step) {
    const since = samples.at[index - step] ?? -Infinity;
    const marks = samples.marks.filter((one) => one.at > since && one.at <= samples.at[index]);
    rows.push(h("tr", {},
      h("th", { scope: "row", class: "number" }, clock(samples.at[index])),
      columns.map((one) => h("td", { class: "number" }, withUnit(samples[one.column][index], one.unit))),
      h("td", {}, marks.map((one) => `${clock(one.at)} ${one.title}`).join("; "))));
  }
  return rows;
}
