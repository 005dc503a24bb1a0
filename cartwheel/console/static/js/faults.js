/** The panel `faults`: one row of what can be broken, its off switch, and what one sees of it. */

import { h, setAttribute, setText } from "./dom.js";
import { FaultsCatalogue } from "./faults_catalogue.js";
import { FaultsModel, offWords, symptomSentence } from "./faults_model.js";
import { signOf } from "./faults_signs.js";
import { key } from "./keys.js";
import { Lessons } from "./lessons.js";

const HINT = "Each ends by itself.";
const NO_LOAD_HINT = `${HINT} Shoppers should be there to notice it: press L for load.`;

export function mount(root, session) {
  const model = new FaultsModel(session);
  const panel = new Panel(model, new FaultsCatalogue(model), new Lessons(session, model));
  root.append(h("div", { class: "faults-panel" }, panel.title, panel.row, panel.story));
  model.on("change", () => panel.update());
  panel.update();
  if (session.info.mode === "local") key("b", "Break something", () => panel.focus());
}

class Panel {
  #model;
  #buttons = new Map();

  constructor(model, catalogue, lessons) {
    this.#model = model;
    this.all = h("button", { type: "button", class: "plain", onclick: () => catalogue.open() }, "All faults");
    this.lessons = h("button", { type: "button", class: "plain", onclick: () => lessons.open() }, "Lessons");
    this.title = h("header", { class: "faults-title" },
      h("h2", {}, "Break it ", h("kbd", {}, "B")), this.all, this.lessons);
    this.row = h("div", { class: "faults-row", role: "group", "aria-label": "What can be broken" });
    this.problem = h("span", { class: "problem", role: "alert", hidden: true });
    this.sentence = h("span", {});
    this.expected = h("span", { class: "quiet" });
    this.story = h("p", { class: "faults-story" }, this.problem, " ", this.sentence, " ", this.expected);
  }

  /** Go to the off switch of what is in force, or to the first that can be broken: once that is known. */
  async focus() {
    await this.#model.ready();
    const found = this.#buttons.get(this.#model.running?.fault)
      ?? [...this.#buttons.values()].find((one) => one.node.getAttribute("aria-disabled") !== "true");
    (found?.node ?? this.all).focus();
  }

  update() {
    const model = this.#model;
    for (const id of this.#wanted()) if (!this.#buttons.has(id)) this.#add(id);
    for (const [id, one] of this.#buttons) this.#show(id, one);
    this.all.disabled = this.lessons.disabled = !model.hasCatalogue;
    this.problem.hidden = !model.problem;
    setText(this.problem, model.problem);
    const { sign, tone, text, expected = "" } = story(model);
    this.sentence.className = tone;
    setText(this.sentence, sign ? `${sign} ${text}` : text);
    setText(this.expected, expected);
    setAttribute(this.story, "title", this.story.textContent.trim());
  }

  /** Those of the row, and one of the catalogue that is in force. */
  #wanted() {
    const ids = this.#model.featured.map((one) => one.id);
    const running = this.#model.running?.fault;
    for (const [id, one] of this.#buttons) {
      if (ids.includes(id) || id === running) continue;
      one.node.remove();
      this.#buttons.delete(id);
    }
    return running && !ids.includes(running) ? [...ids, running] : ids;
  }

  #add(id) {
    const label = h("span", {});
    const node = h("button", { type: "button", class: "fault", onclick: () => this.#press(id) }, signOf(id), label);
    this.#buttons.set(id, { node, label });
    this.row.append(node);
  }

  #show(id, { node, label }) {
    const { running } = this.#model;
    const isRunning = running?.fault === id;
    const reason = isRunning ? "" : this.#model.reasonAgainst(id);
    setText(label, isRunning ? offWords(this.#model.fault(id), running) : this.#model.nameOf(id));
    node.classList.toggle("is-broken", isRunning);
    // Not `disabled`: the reason must be reachable with the keyboard.
    setAttribute(node, "aria-disabled", reason ? "true" : null);
    setAttribute(node, "title", reason || this.#model.fault(id)?.breaks);
    setAttribute(node, "aria-label", isRunning ? `End “${this.#model.nameOf(id)}”` : null);
  }

  #press(id) {
    const model = this.#model;
    if (model.running?.fault === id) return model.end();
    const reason = model.reasonAgainst(id);
    if (reason) return model.refuse(reason);
    return model.begin(id);
  }
}

/** What to expect and to watch, or what was seen, or what became of it. */
function story(model) {
  const { running, others, last, reason } = model;
  if (running) return runningStory(model);
  if (others.length) {
    const [{ title, by, targets }] = others;
    return { sign: "!", tone: "waiting", text: `${title} (${targets.join(", ")}; ${by}).` };
  }
  if (reason) return { sign: "", tone: "quiet", text: model.isReasonSaid ? "" : reason };
  if (!last) return { sign: "", tone: "quiet", text: model.hasLoad ? HINT : NO_LOAD_HINT };
  const [sign, tone] = last.watched ? ["·", "quiet"] : last.passed ? ["✓", "good"] : last.passed === false ? ["✗", "bad"] : ["·", "quiet"];
  return { sign, tone, text: `${model.nameOf(last.fault)}: ${last.sentence}` };
}

function runningStory(model) {
  const fault = model.fault(model.running.fault);
  if (!fault) return { sign: "!", tone: "waiting", text: model.running.title };
  const expected = `Expect: ${fault.response}`;
  if (model.running.seen_after !== null) return { sign: "✓", tone: "good", text: symptomSentence(model), expected };
  return { sign: "!", tone: "waiting", text: `Watch: ${fault.symptom.sentence}`, expected };
}
