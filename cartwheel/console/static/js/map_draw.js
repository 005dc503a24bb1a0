/** Draws services, their wheels and their stores. */

import { setAttribute, setText, svg } from "./dom.js";
import { ifChanged, Keyed } from "./map_keyed.js";
import { arc, wheelParts } from "./map_layout.js";
import { number } from "./numbers.js";
import { signedText, signOf } from "./map_signs.js";

const LEAVING = 220;
/** The width of a letter, in its own size. */
const CHARACTER = 0.62;
/** The same of a name, which is bold. */
const NAME_CHARACTER = 0.68;
/** Smaller words are left out, in em. */
const LEAST_TYPE = 0.5;
const LEAST_NAME = 0.65;

export class Services {
  #boxes;
  #wheels;
  #spots;

  /** @param {SVGElement} layer */
  constructor(layer) {
    const [boxes, spots, wheels] = [0, 1, 2].map(() => svg("g"));
    layer.append(boxes, spots, wheels);
    this.#boxes = new Keyed(boxes);
    this.#spots = new Keyed(spots);
    this.#wheels = new Keyed(wheels);
  }

  draw({ services, layout: { em } }) {
    this.#boxes.sync(services.flatMap(boxAndStore), {
      make: ({ kind }) => svg("g", { class: `map-${kind}`, role: "img", tabindex: "-1" }),
      update: (element, item) => ifChanged(element, [item, em], () => (item.kind === "store" ? drawStore : drawBox)(element, item, em)),
    });
    this.#spots.sync(services.flatMap(({ id, free }) => free.map((spot, index) => [`${id} ${index}`, spot])), {
      make: () => svg("circle", { class: "map-spot" }),
      update: (element, { x, y }) => setAll(element, { cx: x, cy: y, r: 0.11 * em }),
    });
    this.#wheels.sync(services.flatMap(({ wheels }) => wheels.map((wheel) => [wheel.id, wheel])), {
      make: makeWheel,
      update: (element, wheel, isNew) => drawWheel(element, wheel, { em, isNew }),
      leave: leaveSlowly,
    });
  }
}

/** A box and what is written in it: an item for each element, without what it does not show. */
function boxAndStore({ id, box, name, title, signs, total, faults, hasNone, wheelArea, store }) {
  const service = { kind: "service", id, box, name, title, signs, total, faults, hasNone, wheelArea };
  return [[id, service], ...(store ? [[store.id, { kind: "store", ...store, box, name }]] : [])];
}

function drawBox(element, { id, box, name, title, signs, total, faults, hasNone, wheelArea }, em) {
  setAttribute(element, "data-id", id);
  setAttribute(element, "aria-label", `Service ${name}`);
  const { x, y, width } = title;
  element.classList.toggle("has-none", hasNone);
  element.replaceChildren(
    svg("rect", { ...box, rx: 0.6 * em }),
    nameIn(name, title, em),
    svg("text", { class: "map-rate", x: x + width, y, "text-anchor": "end" }, total),
    ...signs.map((one) => signedText(one, { em, x: one.x, y: one.y })),
    hasNone ? svg("text", {
      class: "map-none", x: wheelArea.x + wheelArea.width / 2, y: wheelArea.y + wheelArea.height / 2 + 0.25 * em, "text-anchor": "middle",
    }, "no replicas") : "",
    faults ? pill(faults, box, em) : "",
  );
}

/** Long names are smaller, and cut where they could not be read. */
function nameIn(name, { x, y, width }, em) {
  const size = Math.max(LEAST_NAME * em, Math.min(0.9 * em, width / (NAME_CHARACTER * name.length)));
  const most = Math.max(1, Math.floor(width / (NAME_CHARACTER * size) + 0.01));
  const text = name.length > most ? `${name.slice(0, most - 1)}…` : name;
  return svg("text", { class: "map-name", x, y, "font-size": size.toFixed(1) }, text);
}

function pill(text, box, em) {
  const width = (text.length * 0.46 + 1.7) * em;
  const x = box.x + box.width - width - 0.4 * em;
  return svg("g", { class: "map-fault" },
    svg("rect", { x, y: box.y - 0.85 * em, width, height: 1.2 * em, rx: 0.6 * em }),
    signedText({ sign: "bolt", text, tone: "bad" }, { em, x: x + 0.35 * em, y: box.y + 0.02 * em }));
}

function drawStore(element, { id, text, failed, hasFault, box, name }, em) {
  setAttribute(element, "data-id", id);
  setAttribute(element, "aria-label", `Store of ${name}`);
  const y = box.y + box.height - 0.55 * em;
  const x = box.x + 0.6 * em;
  const textX = x + 1.15 * em;
  element.replaceChildren(
    svg("rect", { class: "map-hit", x: box.x + 0.3 * em, y: y - 0.95 * em, width: box.width - 0.6 * em, height: 1.4 * em }),
    svg("path", { class: "map-drum", d: drum(x, y - 0.75 * em, 0.85 * em, 0.85 * em) }),
    hasFault ? signedText({ sign: "bolt", text, tone: "bad" }, { em, x: textX, y })
      : svg("text", { class: "map-small", x: textX, y }, text),
    failed ? signedText({ sign: "diamond", text: failed.trim(), tone: "bad" }, { em, x: box.x + box.width - (failed.length * 0.46 + 1.4) * em, y }) : "",
  );
}

/** A cylinder. */
function drum(x, y, width, height) {
  const [rx, ry] = [width / 2, height * 0.2];
  return `M${x} ${y + ry}A${rx} ${ry} 0 0 1 ${x + width} ${y + ry}V${y + height - ry}` +
    `A${rx} ${ry} 0 0 1 ${x} ${y + height - ry}ZM${x} ${y + ry}A${rx} ${ry} 0 0 0 ${x + width} ${y + ry}`;
}

function makeWheel() {
  return svg("g", { class: "map-wheel", role: "img", tabindex: "-1" },
    svg("g", { class: "map-grow" },
      ["map-tyre", "map-rim", "map-hub"].map((name) => svg("circle", { class: name })),
      svg("path", { class: "map-cpu" }),
      svg("text", { "text-anchor": "middle" }),
      svg("g", { class: "map-badges" })));
}

function drawWheel(element, wheel, { em, isNew }) {
  const parts = wheelParts(wheel.radius, em);
  setAttribute(element, "data-id", wheel.id);
  setAttribute(element, "aria-label", `${wheel.count > 1 ? "Replicas" : "Replica"} ${wheel.name}, ${wheel.phase}${wheel.isSilent ? `: ${wheel.reason}` : ""}`);
  setAttribute(element, "class", `map-wheel is-${wheel.phase}${wheel.isSilent ? " is-silent" : ""}`);
  element.style.transform = `translate(${wheel.x.toFixed(1)}px, ${wheel.y.toFixed(1)}px)`;
  const [grow] = element.children;
  const [tyre, rim, hub, cpu, text, badges] = grow.children;
  setAttribute(tyre, "r", parts.tyre);
  setAll(rim, { r: parts.rim, "stroke-width": parts.rimWidth });
  setAttribute(hub, "r", parts.hub);
  const isDown = wheel.phase === "crashed" || wheel.phase === "starting";
  setAll(cpu, { d: isDown ? "" : arc(parts.rim, wheel.cpu), "stroke-width": parts.rimWidth });
  const words = wordsIn(wheel);
  const room = wheel.phase === "starting" ? parts.rim : parts.hub;
  const size = Math.min(parts.type, (room * 1.9) / (CHARACTER * words.length));
  setText(text, size < LEAST_TYPE * em ? "" : words);
  setAll(text, { "font-size": size.toFixed(1), y: (0.36 * size).toFixed(1) });
  drawBadges(badges, wheel, parts, em);
  if (isNew) enter(grow);
}

/** In the hub: the requests per second, or how many replicas the wheel stands for. */
function wordsIn({ phase, count, rate }) {
  if (count > 1) return `×${count}`;
  return { crashed: "", starting: "starting" }[phase] ?? number(rate);
}

function drawBadges(badges, { phase, hasFault, radius }, { hub }, em) {
  const size = Math.min(1.6 * em, Math.max(0.7 * em, hub * 1.7));
  ifChanged(badges, [phase, hasFault, radius, em], () => badges.replaceChildren(
    phase === "crashed" ? signOf("cross", { em: size }) : "",
    hasFault ? svg("circle", { class: "map-badge", cx: radius * 0.7, cy: -radius * 0.7, r: 0.55 * em }) : "",
    hasFault ? signOf("bolt", { em: 0.9 * em, x: radius * 0.7, y: -radius * 0.7 }) : "",
  ));
}

function enter(element) {
  element.classList.add("is-entering");
  element.getBoundingClientRect();
  element.classList.remove("is-entering");
}

function leaveSlowly(element) {
  element.removeAttribute("data-id");
  element.classList.add("is-leaving");
  setTimeout(() => element.remove(), LEAVING);
}

function setAll(element, values) {
  for (const [name, value] of Object.entries(values)) setAttribute(element, name, value);
}
