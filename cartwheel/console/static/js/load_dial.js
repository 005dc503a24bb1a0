/** The dial: a wheel on a logarithmic road, turned with a pointer or with the arrow keys. */

import { h, setAttribute, setText, svg } from "./dom.js";
import { inWords, nextRate, positionOf, rateAt, ticks } from "./load_scale.js";

const PAGE = 5;
/** Pixels. Numbers above the road that are nearer than this to the one after are left out. */
const MIN_DISTANCE = 15;

export class Dial {
  rate = 0;
  isTurning = false;
  #max = 500;
  #marks = [];
  #isEnabled = false;
  #onTurn;
  #achieved = h("span", { class: "dial-achieved", hidden: true });
  #numbers = h("div", { class: "dial-numbers" });
  #replicas = h("div", { class: "dial-replicas" });
  #road = h("div", { class: "dial-road" }, h("span", { class: "dial-fill" }), this.#achieved, h("span", { class: "dial-wheel" }, wheel()));

  /** @param {(rate: number) => void} onTurn called for each rate while it is turned */
  constructor(onTurn) {
    this.#onTurn = onTurn;
    this.element = h("div", {
      class: "dial", role: "slider", tabindex: 0, "aria-label": "Requests per second", "aria-valuemin": 0,
      onkeydown: (event) => this.#press(event),
      onpointerdown: (event) => this.#grab(event),
      onpointermove: (event) => this.isTurning && this.#drag(event),
      onpointerup: () => this.#release(),
      onpointercancel: () => this.#release(),
    }, this.#replicas, this.#road, this.#numbers);
    this.setMax(this.#max);
    this.setRate(0);
    this.setEnabled(false);
    window.addEventListener("resize", () => this.#replicas.replaceChildren(...this.#drawnMarks()));
  }

  setMax(max) {
    this.#max = max;
    setAttribute(this.element, "aria-valuemax", max);
    this.#numbers.replaceChildren(...ticks(max).map((rate) => at(positionOf(rate, max), "span", {}, rate)));
    this.setRate(this.rate);
  }

  setRate(rate) {
    this.rate = rate;
    this.element.style.setProperty("--at", positionOf(rate, this.#max));
    setAttribute(this.element, "aria-valuenow", Math.round(rate));
    setAttribute(this.element, "aria-valuetext", inWords(rate, this.#marks));
  }

  /** What is achieved, as a sign on the road; null: nothing is. */
  setAchieved(rate) {
    this.#achieved.hidden = rate === null;
    if (rate !== null) this.#achieved.style.setProperty("--at", positionOf(rate, this.#max));
  }

  /** @param {{rate: number, replicas: number}[]} marks */
  setMarks(marks) {
    if (JSON.stringify(marks) === JSON.stringify(this.#marks)) return;
    this.#marks = marks;
    this.#replicas.replaceChildren(...this.#drawnMarks());
    this.setRate(this.rate);
  }

  setEnabled(isEnabled) {
    this.#isEnabled = isEnabled;
    setAttribute(this.element, "aria-disabled", isEnabled ? null : "true");
  }

  setRunning(isRunning) {
    this.element.classList.toggle("running", isRunning);
  }

  focus() {
    this.element.focus({ preventScroll: false });
  }

  #drawnMarks() {
    const minimum = MIN_DISTANCE / (this.#road.clientWidth || 500);
    let after = Infinity;
    const drawn = [];
    // From the right: the highest number is the one that matters.
    for (const { rate, replicas } of this.#marks.filter((one) => one.rate <= this.#max).reverse()) {
      const position = positionOf(rate, this.#max);
      const isShown = after - position >= minimum;
      if (isShown) after = position;
      drawn.unshift(at(position, "span", {}, isShown ? replicas : ""));
    }
    if (drawn.length) drawn.unshift(h("span", { class: "dial-caption" }, "replicas needed"));
    return drawn;
  }

  #turn(rate) {
    if (rate === this.rate) return;
    this.setRate(rate);
    this.#onTurn(rate);
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const rate = this.#rateOf(event.key);
    if (rate === null) return;
    event.preventDefault();
    if (this.#isEnabled) this.#turn(rate);
  }

  #rateOf(key) {
    const max = this.#max;
    const repeated = (direction) => Array.from({ length: PAGE }).reduce((rate) => nextRate(rate, direction, max), this.rate);
    switch (key) {
      case "ArrowUp": case "ArrowRight": return nextRate(this.rate, 1, max);
      case "ArrowDown": case "ArrowLeft": return nextRate(this.rate, -1, max);
      case "PageUp": return repeated(1);
      case "PageDown": return repeated(-1);
      case "Home": return 0;
      case "End": return max;
      default: return null;
    }
  }

  #grab(event) {
    if (!this.#isEnabled || event.button) return;
    this.isTurning = true;
    this.element.classList.add("turning");
    this.element.setPointerCapture(event.pointerId);
    this.#drag(event);
  }

  #drag(event) {
    const { left, width } = this.#road.getBoundingClientRect();
    const position = Math.min(Math.max((event.clientX - left) / width, 0), 1);
    this.#turn(rateAt(position, this.#max));
  }

  #release() {
    this.isTurning = false;
    this.element.classList.remove("turning");
  }
}

function at(position, tag, properties, text) {
  const element = h(tag, properties);
  setText(element, text);
  element.style.setProperty("--at", position);
  return element;
}

function wheel() {
  const spokes = Array.from({ length: 6 }, (_, index) => svg("path", { d: "M16 12V4", transform: `rotate(${60 * index} 16 16)` }));
  return svg("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("circle", { class: "rim", cx: 16, cy: 16, r: 13 }), svg("circle", { class: "hub", cx: 16, cy: 16, r: 4 }), spokes);
}
