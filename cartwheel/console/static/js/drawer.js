/** A drawer over some of the panels: those beside it stay in sight and in use. One is open at a time. */

import { h } from "./dom.js";

let opened = null;
let drawers = 0;
const isNarrow = matchMedia("(max-width: 60rem)");

export class Drawer {
  #covered = [];

  /** @param {{name: string, over?: string[], onClose?: () => void}} options `over`: ids of panels */
  constructor({ name, over = ["map"], onClose = () => {} }) {
    this.over = over;
    this.onClose = onClose;
    const id = `drawer-title-${(drawers += 1)}`;
    this.title = h("h2", { id, tabindex: -1 });
    this.tools = h("div", { class: "drawer-tools" });
    this.body = h("div", { class: "drawer-body" });
    const follow = () => this.isOpen && this.#place();
    window.addEventListener("resize", follow);
    // A line above or below it comes and goes.
    new ResizeObserver(follow).observe(document.querySelector("main"), { box: "border-box" });
    this.node = h("dialog", { class: `drawer ${name}`, "aria-labelledby": id },
      h("div", { class: "drawer-head" }, this.title, h("div", { class: "drawer-buttons" }, this.tools, h("button", { type: "button", onclick: () => this.close() }, "Close ", h("kbd", {}, "Esc")))),
      this.body);
  }

  get isOpen() {
    return this.node.open;
  }

  /** Show it in place of another one, and go to its title. */
  open() {
    if (!this.node.isConnected) document.body.append(this.node);
    if (this.isOpen) return;
    opened?.close();
    opened = this;
    this.opener = document.activeElement;
    this.#place();
    this.node.show();
    this.title.focus();
  }

  /** Over its panels if others stay beside it, else beside all of them; if narrow, over the end of the page. */
  #place() {
    const main = document.querySelector("main");
    const shown = [...main.querySelectorAll(".panel")].filter((one) => one.offsetWidth > 0);
    const covered = isNarrow.matches ? [] : shown.filter((one) => this.over.includes(one.id));
    const isBeside = !covered.length || covered.length === shown.length;
    main.classList.toggle("beside-drawer", isBeside);
    this.#cover(isBeside ? [] : covered);
    const { left, top, right, bottom } = isBeside ? roomBeside(main) : around(covered);
    const place = { left: left + scrollX, top: top + scrollY, width: right - left, height: bottom - top };
    for (const [name, pixels] of Object.entries(place)) this.node.style.setProperty(`--${name}`, `${pixels}px`);
  }

  /** What one cannot see must not have the focus. */
  #cover(panels) {
    for (const one of this.#covered) one.inert = false;
    for (const one of panels) one.inert = true;
    this.#covered = panels;
  }

  /** Close it, and go back to where one was. */
  close() {
    if (!this.isOpen) return;
    opened = null;
    const hadFocus = this.node.contains(document.activeElement);
    this.node.close();
    this.#cover([]);
    document.querySelector("main").classList.remove("beside-drawer");
    if (hadFocus && this.opener?.isConnected) this.opener.focus();
    this.onClose();
  }
}

/** The rectangle around some panels. */
function around(panels) {
  const boxes = panels.map((one) => one.getBoundingClientRect());
  return {
    left: Math.min(...boxes.map((one) => one.left)),
    top: Math.min(...boxes.map((one) => one.top)),
    right: Math.max(...boxes.map((one) => one.right)),
    bottom: Math.max(...boxes.map((one) => one.bottom)),
  };
}

/** The padding that `beside-drawer` gives. */
function roomBeside(main) {
  const { left, top, bottom } = main.getBoundingClientRect();
  const { paddingLeft, paddingTop } = getComputedStyle(main);
  const gap = parseFloat(paddingTop);
  return { left: left + gap, top: top + gap, right: left + parseFloat(paddingLeft) - gap, bottom: bottom - gap };
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || !opened || document.querySelector("dialog:modal")) return;
  event.preventDefault();
  opened.close();
});
