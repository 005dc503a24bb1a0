/** The whole catalogue of faults as a dialog: grouped, with a filter, and the reason where one is not possible. */

import { h, setAttribute, setText } from "./dom.js";
import { offWords } from "./faults_model.js";

const AREAS = [["processes", "Processes"], ["network", "Network"], ["stores", "Stores"]];

export class FaultsCatalogue {
  #model;
  #entries = [];

  constructor(model) {
    this.#model = model;
    this.count = h("output", { class: "quiet", for: "faults-filter" });
    this.filter = h("input", { id: "faults-filter", type: "text", placeholder: "cart, slow, valkey …", oninput: () => this.#sift() });
    this.seconds = h("input", { id: "faults-seconds", type: "number", min: 1, max: model.maxSeconds, placeholder: "its own", inputmode: "numeric" });
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.list = h("div", { class: "faults-list" });
    this.dialog = h("dialog", { class: "faults-catalogue", "aria-labelledby": "faults-catalogue-title" },
      h("div", { class: "drawer-head" },
        h("h2", { id: "faults-catalogue-title" }, "All faults"),
        h("button", { type: "button", onclick: () => this.dialog.close() }, "Close ", h("kbd", {}, "Esc"))),
      h("div", { class: "faults-tools" },
        h("span", {}, h("label", { for: "faults-filter" }, "Filter "), this.filter, " ", this.count),
        h("span", {}, h("label", { for: "faults-seconds" }, "Seconds "), this.seconds)),
      this.problem,
      this.list);
    model.on("change", () => this.dialog.open && this.#update());
  }

  async open() {
    if (!this.dialog.isConnected) document.body.append(this.dialog);
    this.dialog.showModal();
    this.filter.focus();
    await this.#model.load();
    this.#build();
    this.#update();
    this.#sift();
  }

  #build() {
    this.#entries = this.#model.faults.map((fault) => entryOf(fault, () => this.#press(fault.id)));
    this.list.replaceChildren(...AREAS.map(([area, title]) => h("section", { "aria-label": title },
      h("h3", {}, title),
      h("ul", {}, this.#entries.filter(({ fault }) => fault.area === area).map(({ node }) => node)))));
  }

  #sift() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { node, text } of this.#entries) node.hidden = !words.every((word) => text.includes(word));
    for (const section of this.list.children) section.hidden = !section.querySelector("li:not([hidden])");
    const shown = this.#entries.filter(({ node }) => !node.hidden).length;
    setText(this.count, `${shown} of ${this.#entries.length}`);
  }

  #update() {
    const { problem, running } = this.#model;
    this.problem.hidden = !problem;
    setText(this.problem, problem);
    for (const { fault, button, reason } of this.#entries) {
      const isRunning = running?.fault === fault.id;
      const why = isRunning ? "" : this.#model.reasonAgainst(fault.id);
      setText(button, isRunning ? offWords(fault, running) : "Break");
      button.classList.toggle("is-broken", isRunning);
      setAttribute(button, "aria-label", `${isRunning ? "End" : "Break"}: ${fault.title}`);
      setAttribute(button, "aria-disabled", why ? "true" : null);
      reason.hidden = !why || why === this.#model.reason;
      setText(reason, why);
    }
  }

  async #press(id) {
    const model = this.#model;
    if (model.running?.fault === id) return model.end();
    const reason = model.reasonAgainst(id);
    if (reason) return model.refuse(reason);
    if (!this.seconds.reportValidity()) return undefined;
    await model.begin(id, this.seconds.value ? Number(this.seconds.value) : null);
    // What is broken is to be seen, behind the dialog.
    if (model.running?.fault === id) this.dialog.close();
    return undefined;
  }
}

function entryOf(fault, press) {
  const button = h("button", { type: "button", onclick: press }, "Break");
  const reason = h("p", { class: "faults-reason" });
  const node = h("li", {},
    h("div", {},
      h("h4", {}, fault.title, " ", h("code", {}, fault.id)),
      h("p", {}, fault.breaks),
      h("p", { class: "quiet" }, `Watch: ${fault.symptom.sentence} Expect: ${fault.response}`),
      reason),
    button);
  const text = `${fault.id} ${fault.title} ${fault.breaks} ${fault.area}`.toLowerCase();
  return { fault, node, button, reason, text };
}
