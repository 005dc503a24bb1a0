/** The panel `map`: the mesh as a picture of wheels, or as tables. */

import { h, setAttribute, svg } from "./dom.js";
import { Card } from "./map_card.js";
import { Services } from "./map_draw.js";
import { Edges } from "./map_draw_edges.js";
import { typeFor, verticalHeight } from "./map_layout.js";
import { Motion } from "./map_motion.js";
import { hasTraffic, isOld, noteOf } from "./map_notes.js";
import { nothingRemembered, sceneOf } from "./map_scene.js";
import { Tables } from "./map_table.js";
import * as tables from "./tables.js";

/** No frame for so long: what is shown stands still, so it does not move. */
const STANDS_AFTER = 2500;
/** Below so many em, on a page that scrolls, the columns lie down. */
const NARROW = 32;
const LEGEND = "Circles are requests: the faster, the lower the latency. Diamonds failed. " +
  "Rims fill with CPU, up to one core. Rings: teal with requests, grey without.";

export function mount(root, session) {
  new MapPanel(root, session).start();
}

class MapPanel {
  #root;
  #session;
  #memory = nothingRemembered();
  #frame = null;
  /** The ids of what a lesson is about. */
  #watched = new Set();
  #standsTimer = 0;
  #isStanding = true;
  #isPaused = false;
  #svg;
  #below;
  #labels;
  #boxes;
  #canvas;
  #note;
  #picture;
  #tables;
  #legend;
  #pause;
  #foot;
  #card;
  #edges;
  #services;
  #motion;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #scrolls = matchMedia("(max-width: 60rem)");

  constructor(root, session) {
    this.#root = root;
    this.#session = session;
    this.#below = svg("g");
    this.#boxes = svg("g");
    this.#labels = svg("g");
    this.#svg = svg("svg", { role: "group", "aria-label": "Map of the mesh: the arrow keys move in it" }, this.#below, this.#labels, this.#boxes);
    this.#canvas = h("canvas", { "aria-hidden": "true" });
    this.#note = h("p", { class: "map-note", hidden: true });
    this.#picture = h("div", { class: "map-picture" }, h("div", { class: "map-layers" }, this.#svg, this.#canvas));
    this.#tables = new Tables();
    this.#pause = h("button", { type: "button", class: "plain", "aria-pressed": "false", onclick: () => this.#togglePause() }, "Hold still");
    this.#legend = h("p", { class: "quiet" }, LEGEND);
    this.#foot = h("div", { class: "map-foot" },
      this.#legend,
      this.#pause,
      h("button", { type: "button", class: "plain", onclick: tables.toggle }, "Table ", h("kbd", {}, "T")));
  }

  start() {
    this.#root.append(this.#note, this.#picture, this.#tables.node, this.#foot);
    this.#card = new Card(this.#picture);
    this.#edges = new Edges({ below: this.#below, above: this.#labels });
    this.#services = new Services(this.#boxes);
    this.#motion = new Motion(this.#canvas);
    this.#session.on("frame", (frame) => this.#receive(frame));
    this.#session.on("state", () => this.#draw());
    tables.onChange(() => this.#draw());
    document.addEventListener("cartwheel:watch", ({ detail }) => this.#watch(detail));
    this.#calm.addEventListener("change", () => this.#draw());
    document.addEventListener("visibilitychange", () => this.#draw());
    new ResizeObserver(() => this.#draw()).observe(this.#picture);
    if (this.#session.frame) this.#receive(this.#session.frame);
    this.#draw();
  }

  #receive(frame) {
    this.#frame = frame;
    this.#isStanding = false;
    clearTimeout(this.#standsTimer);
    this.#standsTimer = setTimeout(() => {
      this.#isStanding = true;
      this.#draw();
    }, STANDS_AFTER);
    this.#draw();
  }

  /** Mark what a lesson is about; null: nothing any more. */
  #watch(detail) {
    const { services = [], edges = [], stores = [] } = detail ?? {};
    const ids = Object.entries({ service: services, edge: edges, store: stores })
      .flatMap(([kind, names]) => names.map((name) => `${kind}:${name}`));
    this.#watched = new Set(ids);
    this.#markWatched();
  }

  #markWatched() {
    for (const element of this.#svg.querySelectorAll("[data-id], [data-idle]")) {
      const isWatched = this.#watched.has(element.dataset.id ?? element.dataset.idle);
      setAttribute(element, "data-watched", isWatched ? "" : null);
      setAttribute(element, "aria-description", isWatched ? "The lesson is about this" : null);
    }
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused;
    this.#pause.setAttribute("aria-pressed", String(this.#isPaused));
    this.#draw();
  }

  #draw() {
    const showsTables = tables.areShown();
    this.#picture.hidden = showsTables;
    this.#tables.node.hidden = !showsTables;
    this.#legend.hidden = showsTables;
    this.#pause.hidden = showsTables;
    this.#showNote();
    if (showsTables || document.hidden) this.#motion.stop();
    if (!this.#frame || document.hidden) return;
    if (showsTables) this.#tables.show(this.#frame);
    else this.#drawPicture(this.#frame);
  }

  #showNote() {
    const { info, state } = this.#session;
    const text = noteOf(this.#frame, { mode: info.mode, isLoadable: Boolean(info.parts?.load) && state.canChange });
    if (this.#note.dataset.text !== text) {
      this.#note.dataset.text = text;
      this.#note.replaceChildren(...withCode(text));
    }
    this.#note.hidden = !text;
    this.#picture.classList.toggle("is-old", isOld(this.#frame));
  }

  #drawPicture(frame) {
    const view = this.#view();
    if (!view.width || !view.height) return;
    const { scene, memory } = sceneOf(this.#memory, frame, view);
    this.#memory = memory;
    setAttribute(this.#svg, "viewBox", `0 0 ${view.width} ${view.height}`);
    this.#edges.draw(scene);
    this.#services.draw(scene);
    this.#markWatched();
    this.#motion.show(scene, { isStill: this.#isStill() });
    this.#card.update(frame, orderOf(scene));
  }

  /** The size of the picture; lying columns may need more height than there is. */
  #view() {
    const em = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const width = this.#picture.clientWidth;
    const isVertical = this.#scrolls.matches && width < NARROW * em;
    const least = isVertical ? verticalHeight(this.#memory.places, { em, width }) : 0;
    this.#picture.style.setProperty("min-height", least ? `${least}px` : "");
    const size = { width, height: this.#picture.clientHeight, isVertical };
    const type = typeFor({ ...size, em });
    this.#picture.style.setProperty("--map-em", `${type.toFixed(2)}px`);
    return { ...size, em: type, saysRates: this.#calm.matches || this.#isPaused };
  }

  #isStill() {
    const stands = this.#session.state.connection === "lost" || isOld(this.#frame) || !hasTraffic(this.#frame);
    return this.#calm.matches || this.#isPaused || this.#isStanding || stands;
  }
}

/** What stands between backticks is code. */
function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/** How the map is read: each service with its replicas and its store, then where it calls. */
function orderOf({ layout, services, edges }) {
  const callsOf = (name) => edges.filter((edge) => edge.source === name).map((edge) => `edge:${edge.key}`);
  const byName = new Map(services.map((one) => [one.name, one]));
  const ordered = layout.columns.flat().map((name) => byName.get(name)).filter(Boolean);
  return ["outside", ...callsOf("outside"), ...ordered.flatMap(({ id, name, wheels, store }) => [
    id, ...wheels.map((wheel) => wheel.id), ...(store ? [store.id] : []), ...callsOf(name),
  ])];
}
