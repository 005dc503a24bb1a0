/** The names of decisions above the charts, as buttons; those that lie close are one. */

import { chain, grouped } from "./chart_labels.js";
import { h, setAttribute, setText } from "./dom.js";
import { clock } from "./times.js";

/** In em: the room that a name needs. */
const ROOM = 4.6;

export class DecisionLane {
  /** @param {(mark: object) => void} onPick */
  constructor(onPick) {
    this.onPick = onPick;
    this.marks = new WeakMap();
    this.node = h("div", { class: "decisions", role: "group", "aria-label": "Decisions in view" });
    this.node.addEventListener("click", (event) => this.#pick(event.target.closest("button")));
    this.node.addEventListener("keydown", (event) => this.#press(event));
  }

  /** @param {import("./chart_stack.js").ChartStack} stack that has been drawn */
  show(decisions, stack) {
    const seen = decisions.filter((one) => one.at >= stack.start && one.at <= stack.end);
    const groups = grouped(seen, stack.pixel, ROOM * stack.em);
    while (this.node.children.length > groups.length) this.node.firstChild.remove();
    while (this.node.children.length < groups.length) this.node.append(h("button", { type: "button", class: "decision" }));
    const focused = this.node.contains(document.activeElement);
    groups.forEach(({ x, marks }, index) => {
      const button = this.node.children[index];
      this.marks.set(button, marks[0]);
      setText(button, chain(marks.map((one) => one.title)));
      setAttribute(button, "aria-label", `${marks.map((one) => `${one.title} at ${clock(one.at)}`).join(", ")}: why`);
      button.style.setProperty("--x", `${Math.round(Math.min(x, stack.width - 2 * stack.em))}px`);
      if (!focused) button.tabIndex = index === groups.length - 1 ? 0 : -1;
    });
  }

  #pick(button) {
    if (button) this.onPick(this.marks.get(button));
  }

  /** One of them is a stop of the Tab key; the arrows go to the others. */
  #press(event) {
    const buttons = [...this.node.children];
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!next) return;
    buttons.forEach((one) => { one.tabIndex = one === next ? 0 : -1; });
    next.focus();
    event.preventDefault();
  }
}
