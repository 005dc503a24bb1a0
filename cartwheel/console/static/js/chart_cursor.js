/** The cursor over the charts: by pointer and by arrow keys; a click or Enter asks why. */

import { setAttribute } from "./dom.js";

/** Seconds after which what a screen reader would say is old. */
const INTERVAL = 10;
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };

export class Cursor {
  /** The time under the cursor; null: there is none. @type {number|null} */
  at = null;
  #describedAt = -Infinity;

  /**
   * @param {HTMLElement} plot
   * @param {{stack: object, view: object, draw: () => void, explain: (at: number) => void, samples: object}} panel
   */
  constructor(plot, panel) {
    this.plot = plot;
    this.panel = panel;
    for (const [name, value] of Object.entries({ tabindex: 0, role: "slider", "aria-label": "Moment in the charts", "aria-orientation": "horizontal" })) plot.setAttribute(name, value);
    plot.addEventListener("pointermove", (event) => this.#move(panel.stack.timeAt(event.clientX)));
    plot.addEventListener("pointerleave", () => this.#move(null));
    plot.addEventListener("focus", () => this.#describe());
    plot.addEventListener("blur", () => this.#move(null));
    plot.addEventListener("click", (event) => this.#click(event));
    plot.addEventListener("keydown", (event) => this.#press(event));
  }

  /** Not while somebody is on it: each change would be read out. */
  refresh(now) {
    if (document.activeElement === this.plot || Math.abs(now - this.#describedAt) < INTERVAL) return;
    this.#describedAt = now;
    this.#describe();
  }

  /** What a screen reader says of the cursor. */
  #describe() {
    const { start, end } = this.panel.view;
    const focus = this.at ?? this.panel.session.state.moment;
    const at = focus ?? end;
    setAttribute(this.plot, "aria-valuemin", Math.floor(start));
    setAttribute(this.plot, "aria-valuemax", Math.ceil(end));
    setAttribute(this.plot, "aria-valuenow", Math.round(Math.min(Math.max(at, start), end)));
    setAttribute(this.plot, "aria-valuetext", this.panel.inWords(focus));
  }

  #move(at) {
    if (at === this.at) return;
    this.at = at;
    if (!this.isWaiting) requestAnimationFrame(() => this.#show());
    this.isWaiting = true;
  }

  #show() {
    this.isWaiting = false;
    this.panel.draw();
    if (document.activeElement === this.plot) this.#describe();
  }

  #click(event) {
    const at = this.panel.stack.timeAt(event.clientX);
    if (at !== null) this.panel.explain(this.#snapped(at));
  }

  /** A decision near the pointer is meant. */
  #snapped(at) {
    const reach = 6 * (this.panel.view.end - this.panel.view.start) / this.panel.stack.width;
    const near = this.panel.samples.decisions().filter((one) => Math.abs(one.at - at) <= reach);
    return near.length ? near.reduce((one, other) => (Math.abs(other.at - at) < Math.abs(one.at - at) ? other : one)).at : at;
  }

  #press(event) {
    const { start, end } = this.panel.view;
    const now = this.at ?? this.panel.session.state.moment ?? end;
    const step = Math.max(1, (end - start) / 300);
    if (event.key in STEPS) this.#move(Math.min(Math.max(now + STEPS[event.key] * step, start), end));
    else if (event.key === "Home") this.#move(start);
    else if (event.key === "End") this.#move(end);
    else if (event.key === "Enter") this.panel.explain(this.at ?? this.panel.session.state.moment);
    else if (event.key === "Escape" && this.at !== null) this.#move(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
