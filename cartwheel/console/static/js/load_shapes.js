/** The choice of a shape, and its stages as text with their curve. */

import { h, setAttribute, setText } from "./dom.js";
import { Sketch, sketchOf } from "./load_sketch.js";

export const STEADY = "steady";
/** The shape of stages that somebody has edited. */
const OWN = "own";
const STEADY_STAGES = [{ seconds: 1, rate: 0.6, end_rate: 0.6 }];
const TYPING = 250;

/** Radio buttons, each with the sketch of its curve. */
export class ShapeChoice {
  #inputs = new Map();

  /** @param {(name: string) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.element = h("fieldset", { class: "load-shapes" }, h("legend", { class: "visually-hidden" }, "Shape of the load"));
    this.#add(STEADY, "Steady", STEADY_STAGES);
  }

  setShapes(shapes) {
    for (const { name, title, stages } of shapes) if (!this.#inputs.has(name)) this.#add(name, title, stages);
  }

  /** @param {string} name one that is not there selects none */
  select(name) {
    for (const [own, input] of this.#inputs) input.checked = own === name;
  }

  setEnabled(isEnabled) {
    this.element.disabled = !isEnabled;
  }

  #add(name, title, stages) {
    const input = h("input", { type: "radio", name: "load-shape", value: name, onchange: () => this.onChoose(name) });
    this.#inputs.set(name, input);
    this.element.append(h("label", { title }, input, sketchOf(stages), h("span", { class: "visually-hidden" }, title)));
  }
}

/** The stages as text; `read` has the console read them. */
export class StagesEditor {
  text = "";
  #sketch = new Sketch();
  #read;
  #onEdit;
  #timer = 0;
  /** What is wrong with the text; whoever shows the editor places it. */
  problem = h("p", { class: "problem", id: "load-stages-problem", hidden: true });
  #label = h("label", { for: "load-stages", title: "Duration:requests per second; a range is a ramp" }, "Stages");
  #input = h("input", {
    type: "text", id: "load-stages", spellcheck: "false", autocomplete: "off", autocapitalize: "off",
    oninput: () => this.#edit(),
  });

  /**
   * @param {(text: string) => Promise<{stages: object[]}>} read throws a `Problem`
   * @param {() => void} onEdit called when the text is another
   * @param {() => void} onEnter called to start with it
   */
  constructor({ read, onEdit, onEnter }) {
    this.#read = read;
    this.#onEdit = onEdit;
    this.#input.addEventListener("keydown", (event) => event.key === "Enter" && onEnter());
    this.element = h("div", { class: "load-stages" },
      h("div", { class: "load-curve" }, this.#sketch.element),
      h("div", { class: "load-field" }, this.#label, this.#input));
  }

  setStages(text, stages) {
    this.text = text;
    this.#input.value = text;
    this.#sketch.setStages(stages);
    this.showProblem("");
  }

  /** @param {string|undefined} title of the shape; without one the stages are one's own */
  setTitle(title) {
    setText(this.#label, title ? `${title}: stages` : "Stages");
  }

  setProgress(seconds, achieved) {
    this.#sketch.setProgress(seconds, achieved);
  }

  setEnabled(isEnabled) {
    this.#input.disabled = !isEnabled;
  }

  showProblem(text) {
    this.problem.hidden = !text;
    setText(this.problem, text);
    setAttribute(this.#input, "aria-invalid", text ? "true" : null);
    setAttribute(this.#input, "aria-describedby", text ? this.problem.id : null);
  }

  #edit() {
    this.text = this.#input.value;
    this.#onEdit(OWN);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#draw(), TYPING);
  }

  async #draw() {
    const text = this.text;
    try {
      const { stages } = await this.#read(text);
      if (text !== this.text) return;
      this.#sketch.setStages(stages);
      this.showProblem("");
    } catch (problem) {
      if (text === this.text) this.showProblem(problem.detail);
    }
  }
}
