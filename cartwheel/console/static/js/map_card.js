/** The card of what is under the pointer, has the focus, or was pinned; and the keys of the map. */

import { announce } from "./announce.js";
import { h, setText } from "./dom.js";
import { factsOf } from "./map_facts.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export class Card {
  #picture;
  #node = h("div", { class: "map-card", id: "map-card", hidden: true });
  #frame = null;
  #order = [];
  #hovered = null;
  #focused = null;
  #pinned = null;

  /** @param {HTMLElement} picture what the elements with `data-id` are in */
  constructor(picture) {
    this.#picture = picture;
    picture.append(this.#node);
    picture.addEventListener("pointerover", ({ target }) => this.#hover(idOf(target)));
    picture.addEventListener("pointerleave", () => this.#hover(null));
    picture.addEventListener("click", ({ target }) => this.#pin(idOf(target)));
    picture.addEventListener("focusin", ({ target }) => this.#focus(idOf(target)));
    picture.addEventListener("focusout", () => this.#focus(null));
    picture.addEventListener("keydown", (event) => this.#press(event));
  }

  /** @param {string[]} order the ids of all elements, as they are read */
  update(frame, order) {
    this.#frame = frame;
    this.#order = order;
    this.#giveOneTabStop();
    this.#show();
  }

  #hover(id) {
    if (id === this.#hovered) return;
    this.#hovered = id;
    this.#show();
  }

  #focus(id) {
    this.#focused = id;
    if (id) this.#giveOneTabStop();
    this.#show();
  }

  #pin(id) {
    this.#pinned = this.#pinned === id ? null : id;
    this.#show();
  }

  #press(event) {
    const id = idOf(event.target);
    const step = STEPS[event.key];
    if (!id) return;
    if (step) this.#moveTo(this.#order[this.#order.indexOf(id) + step]);
    else if (event.key === "Home") this.#moveTo(this.#order[0]);
    else if (event.key === "End") this.#moveTo(this.#order.at(-1));
    else if (event.key === "Enter") this.#pinFromKeyboard(id);
    else if (event.key === "Escape" && (this.#pinned || this.#focused)) this.#leave(event.target);
    else return;
    event.preventDefault();
  }

  #moveTo(id) {
    if (id) this.#element(id)?.focus();
  }

  #pinFromKeyboard(id) {
    this.#pin(id);
    const facts = factsOf(this.#frame, id);
    if (this.#pinned && facts) announce(inWords(facts));
  }

  #leave(element) {
    if (this.#pinned) this.#pinned = null;
    else element.blur();
    this.#show();
  }

  #element(id) {
    return this.#picture.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  /** Tab enters the map once; the arrow keys move in it. */
  #giveOneTabStop() {
    const stop = [this.#focused, this.#stop, this.#order[0]].find((id) => id && this.#element(id));
    if (this.#stop !== stop && this.#stop) this.#element(this.#stop)?.setAttribute("tabindex", "-1");
    this.#stop = stop;
    if (stop) this.#element(stop).setAttribute("tabindex", "0");
  }

  #stop = null;

  #show() {
    const id = this.#hovered ?? this.#focused ?? this.#pinned;
    const element = id && this.#frame && this.#element(id);
    const facts = element && factsOf(this.#frame, id);
    this.#mark(id);
    this.#node.hidden = !facts;
    if (!facts) return;
    this.#fill(facts, id === this.#pinned);
    this.#placeBeside(element);
  }

  #mark(id) {
    const shown = this.#picture.querySelector(".is-shown");
    if (shown?.dataset.id === id) return;
    shown?.classList.remove("is-shown");
    if (id) this.#element(id)?.classList.add("is-shown");
  }

  #fill({ title, rows, faults }, isPinned) {
    const shape = JSON.stringify([title, rows.map(([label]) => label), faults, isPinned]);
    if (this.#node.dataset.shape !== shape) {
      this.#node.dataset.shape = shape;
      this.#node.replaceChildren(
        h("h3", {}, title, isPinned ? h("span", { class: "quiet" }, " pinned, Esc lets it go") : ""),
        h("dl", {}, rows.map(([label]) => h("div", {}, h("dt", {}, label), h("dd", {})))),
        ...faults.map((fault) => h("p", { class: "bad" }, `Fault: ${fault}`)),
      );
    }
    const figures = this.#node.querySelectorAll("dd");
    rows.forEach(([, value], index) => setText(figures[index], value));
  }

  /** Right of the element, or left, or where there is room: never on it if that can be. */
  #placeBeside(element) {
    const frame = this.#picture.getBoundingClientRect();
    const box = (element.querySelector(".map-way, .map-tyre") ?? element).getBoundingClientRect();
    const place = besides(
      { x: box.x - frame.x, y: box.y - frame.y, width: box.width, height: box.height },
      { width: this.#node.offsetWidth, height: this.#node.offsetHeight },
      { width: frame.width, height: frame.height },
    );
    this.#node.style.setProperty("translate", `${Math.round(place.x)}px ${Math.round(place.y)}px`);
  }
}

const idOf = (target) => target.closest?.("[data-id]")?.dataset.id ?? null;

const inWords = ({ title, rows }) => `${title}. ${rows.map(([label, value]) => `${label}: ${value}`).join(". ")}`;

/** The corner of a card beside a box: right, left, below, above, the first that fits. */
export function besides(box, card, frame, gap = 8) {
  const middle = Math.min(Math.max(0, box.y + box.height / 2 - card.height / 2), Math.max(0, frame.height - card.height));
  const centre = Math.min(Math.max(0, box.x + box.width / 2 - card.width / 2), Math.max(0, frame.width - card.width));
  const places = [
    { x: box.x + box.width + gap, y: middle },
    { x: box.x - card.width - gap, y: middle },
    { x: centre, y: box.y + box.height + gap },
    { x: centre, y: box.y - card.height - gap },
  ];
  const fits = ({ x, y }) => x >= 0 && y >= 0 && x + card.width <= frame.width && y + card.height <= frame.height;
  return places.find(fits) ?? { x: centre, y: middle };
}
