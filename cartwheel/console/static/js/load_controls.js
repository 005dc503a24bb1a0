/** What one can ask for: scenario, shape, rate or stages, and how long. */

import { copyButton } from "./clipboard.js";
import { h, setAttribute, setText } from "./dom.js";
import { Dial } from "./load_dial.js";
import { ShapeChoice, StagesEditor, STEADY } from "./load_shapes.js";
import { number } from "./numbers.js";

const OWN = "own";
const MINUTES = [1, 2, 5, 10];
/** Of a page that cannot ask the console: a recording, a cluster. */
const UNKNOWN = { scenarios: ["browse", "cart-add", "checkout", "mixed"], shapes: [], usual: { scenario: "cart-add", rate: 50, seconds: 300 }, max_rate: 500, max_seconds: 600, command: "cartwheel load" };

export class LoadControls {
  shape = STEADY;
  #limits = UNKNOWN;
  #isRunning = false;
  #running = null;
  #dial;
  #choice = new ShapeChoice((name) => this.choose(name));
  #editor;
  #scenario = h("select", { "aria-label": "Scenario", title: "What shoppers do", onchange: () => this.#onTurn() });
  #seconds = h("select", { class: "load-seconds", "aria-label": "How long", title: "It ends by itself, so long after the last change", onchange: () => this.#onTurn() });
  #rate = h("output", { class: "load-rate", "aria-hidden": "true" });
  #left = h("span", { class: "number load-left" });
  #main = h("button", { type: "button", class: "primary load-main" });
  #apply = h("button", { type: "button", class: "primary", hidden: true }, "Change");
  #steady;
  #onTurn;

  constructor({ read, onTurn, onSubmit, onStop }) {
    this.#onTurn = onTurn;
    this.#dial = new Dial(() => this.#turned());
    this.#editor = new StagesEditor({ read, onEdit: () => this.#edited(), onEnter: onSubmit });
    this.#main.addEventListener("click", () => (this.#isRunning ? onStop() : onSubmit()));
    this.#apply.addEventListener("click", onSubmit);
    this.copy = copyButton("Copy command", () => this.#command(), { class: "plain load-copy" });
    this.#steady = h("div", {}, this.#dial.element);
    this.element = h("div", { class: "load-controls" },
      h("div", { class: "load-bar" }, this.#scenario, this.#choice.element, this.#seconds, h("span", { class: "load-actions" }, this.#left, this.#apply, this.#main)),
      h("div", { class: "load-what" }, this.#steady, this.#editor.element,
        h("p", { class: "load-readout" }, this.#rate, h("span", { class: "quiet" }, "requests/s"))));
    this.setLimits(UNKNOWN);
    this.#dial.setRate(UNKNOWN.usual.rate);
    this.choose(STEADY);
  }

  /** What is wrong with the stages, for a place that has room for it. */
  get stagesProblem() {
    return this.#editor.problem;
  }

  /** Whether the dial is turned down to nothing. */
  get isOff() {
    return this.shape === STEADY && this.#dial.rate < 1;
  }

  setLimits(limits) {
    if (this.#limits !== UNKNOWN && limits !== UNKNOWN) return;
    this.#limits = limits;
    fill(this.#scenario, limits.scenarios, (name) => [name, name], limits.usual.scenario);
    const minutes = MINUTES.filter((count) => count * 60 <= limits.max_seconds);
    fill(this.#seconds, minutes, (count) => [count * 60, `for ${count} min`], limits.usual.seconds);
    this.#choice.setShapes(limits.shapes);
    this.#dial.setMax(limits.max_rate);
  }

  /** The body of the request for what is chosen. */
  request() {
    const scenario = this.#scenario.value;
    if (this.shape !== STEADY) return { scenario, stages: this.#editor.text };
    return { scenario, rate: this.#dial.rate, seconds: Number(this.#seconds.value) };
  }

  /** A load of nothing cannot start: then it is the usual one. */
  prepareStart() {
    if (this.#dial.rate < 1) this.#dial.setRate(this.#limits.usual.rate);
  }

  choose(name) {
    this.shape = name;
    const found = this.#limits.shapes.find((shape) => shape.name === name);
    if (found) this.#editor.setStages(found.text, found.stages);
    if (name === STEADY) this.#editor.showProblem("");
    this.#editor.setTitle(found?.title);
    this.#choice.select(name);
    this.#steady.hidden = this.#seconds.hidden = name !== STEADY;
    this.#editor.element.hidden = name === STEADY;
    this.#showPending();
  }

  focusDial() {
    if (this.shape === STEADY) this.#dial.focus();
    else this.#main.focus();
  }

  /** Somebody has asked for another load; of one's own, the dial may be ahead already. */
  followLoad(running, { isOwn }) {
    this.#scenario.value = running.scenario;
    const [first, ...more] = running.stages;
    if (!more.length && first.rate === first.end_rate) {
      const wasSteady = this.shape === STEADY;
      if (!wasSteady) this.choose(STEADY);
      if (!wasSteady || !isOwn) this.#dial.setRate(first.rate);
      return;
    }
    const shape = this.#limits.shapes.find((one) => one.text === running.text);
    this.choose(shape?.name ?? OWN);
    this.#editor.setStages(running.text, running.stages);
  }

  /** The load of a frame: stages, or another page, may have changed its rate. */
  followFrame({ scenario, asked }) {
    if (!this.#dial.isTurning) this.#dial.setRate(asked);
    this.#showRate();
    if (this.#limits.scenarios.includes(scenario)) this.#scenario.value = scenario;
  }

  setMarks(marksOf) {
    this.#dial.setMarks(marksOf(this.#scenario.value));
  }

  setProgress(seconds, achieved, rate) {
    if (this.#isPending()) this.#editor.setProgress(null);
    else this.#editor.setProgress(seconds, achieved);
    this.#dial.setAchieved(rate);
  }

  showStagesProblem(text) {
    this.#editor.showProblem(text);
  }

  /** @param running what the console says of the load that runs, if it can be changed here */
  show({ isRunning, canChange, secondsLeft }, running) {
    this.#isRunning = isRunning;
    this.#running = running;
    for (const one of [this.#choice, this.#editor, this.#dial]) one.setEnabled(canChange);
    for (const one of [this.#scenario, this.#seconds, this.#main, this.#apply]) one.disabled = !canChange;
    this.#dial.setRunning(isRunning);
    this.#main.classList.toggle("primary", !isRunning);
    const [label, name] = isRunning ? ["Stop", "0"] : ["Start", "L"];
    if (this.#main.dataset.label !== label) this.#main.replaceChildren(label, h("kbd", { "aria-hidden": "true" }, name));
    this.#main.dataset.label = label;
    setText(this.#left, isRunning && secondsLeft !== null ? `${countdown(secondsLeft)} left` : "");
    this.element.toggleAttribute("data-running", isRunning);
    this.#showRate();
    this.#showPending();
  }

  #turned() {
    this.#showRate();
    this.#onTurn();
  }

  #edited() {
    this.choose(OWN);
  }

  #showRate() {
    setText(this.#rate, number(this.#dial.rate));
  }

  #isPending() {
    return this.#isRunning && this.shape !== STEADY && this.#running?.text !== this.#editor.text;
  }

  #showPending() {
    this.#apply.hidden = !this.#isPending();
    setAttribute(this.copy, "title", this.#command());
  }

  #command() {
    const { scenario, stages, rate, seconds } = this.request();
    const shape = stages ? `--stages ${stages}` : `--rate ${rate} --seconds ${seconds}`;
    return `${this.#limits.command} --scenario ${scenario} ${shape}`;
  }
}

/** 4:07 */
function countdown(seconds) {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function fill(select, values, optionOf, chosen) {
  select.replaceChildren(...values.map((value) => {
    const [key, text] = optionOf(value);
    return h("option", { value: key, selected: key === chosen }, text);
  }));
}
