/** The map as tables, updated in place: a reader's position in them stays. */

import { h, setText } from "./dom.js";
import { Keyed } from "./map_keyed.js";
import { keyOf } from "./map_routes.js";
import { faultsAt, measured, storeTargets } from "./map_scene.js";
import { cores, duration, memory, percent, perSecond } from "./numbers.js";

const text = (value) => (value === null || value === undefined ? "–" : String(value));
const count = ({ replicas }, ...phases) => replicas.filter((one) => phases.includes(one.phase)).length;
const namesOf = (faults) => faults.map((one) => one.title || one.fault).join(", ");

/** Of each table: the columns, whose first is the head of the row, and its rows by key. */
const TABLES = [
  {
    caption: "Services",
    columns: ["Service", "Desired", "Ready", "Serving", "Requests", "Failed", "Shed", "p95", "Fault"],
    rows: (frame) => frame.services.map((one) => [one.name, [
      one.name, text(one.desired), text(count(one, "ready", "serving")), text(count(one, "serving")), perSecond(one.rate),
      percent(one.errors), perSecond(one.shed), duration(one.p95), namesOf(faultsAt(frame, [one.name])),
    ]]),
  },
  {
    caption: "Replicas",
    columns: ["Replica", "Service", "State", "Requests", "CPU", "Memory", "In flight", "Restarts", "Fault"],
    rows: (frame) => frame.services.flatMap(({ name, replicas }) => replicas.map(measured).map((one) => [`${name}/${one.name}`, [
      one.name, name, one.reason ? `${one.phase}: ${one.reason}` : one.phase, perSecond(one.rate), cores(one.cpu),
      memory(one.memory), text(one.in_flight), text(one.restarts), namesOf(faultsAt(frame, [one.name])),
    ]])),
  },
  {
    caption: "Stores",
    columns: ["Store of", "Kind", "Operations", "Failed", "p95", "Fault"],
    rows: (frame) => frame.services.filter((one) => one.store).map(({ name, store }) => [name, [
      name, store.kind, perSecond(store.rate), percent(store.errors), duration(store.p95),
      namesOf(faultsAt(frame, storeTargets(name, store.kind))),
    ]]),
  },
  {
    caption: "Calls",
    columns: ["From", "To", "Calls", "Failed", "p95", "Retries", "Open breakers", "Fault"],
    rows: (frame) => frame.edges.map((one) => [keyOf(one), [
      one.source, one.target, perSecond(one.rate), percent(one.errors), duration(one.p95), perSecond(one.retries),
      text(one.open_breakers), namesOf(faultsAt(frame, [keyOf(one)])),
    ]]),
  },
];

export class Tables {
  node = h("div", { class: "scroll map-tables", role: "region", "aria-label": "The map as tables", tabindex: "0" });
  #bodies;

  constructor() {
    this.#bodies = TABLES.map(({ caption, columns }) => {
      const body = h("tbody");
      const head = h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column)));
      this.node.append(h("table", {}, h("caption", {}, caption), h("thead", {}, head), body));
      return new Keyed(body);
    });
  }

  show(frame) {
    TABLES.forEach(({ columns, rows }, index) => {
      this.#bodies[index].sync(rows(frame), { make: () => makeRow(columns.length), update: fillRow });
    });
  }
}

function makeRow(length) {
  return h("tr", {}, h("th", { scope: "row" }), Array.from({ length: length - 1 }, () => h("td")));
}

function fillRow(row, cells) {
  cells.forEach((cell, index) => setText(row.children[index], cell));
}
