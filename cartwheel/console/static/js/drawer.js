/** A drawer over the map: the charts beside it stay in sight and in use. One is open at a time. */

import { h } from "./dom.js";

let opened = null;
let drawers = 0;

export class Drawer {
  /** @param {{name: string, onClose?: () => void}} options */
  constructor({ name, onClose = () => {} }) {
    this.onClose = onClose;
    const id = `drawer-title-${(drawers += 1)}`;
    this.title = h("h2", { id, tabindex: -1 });
    this.tools = h("div", { class: "drawer-tools" });
    this.body = h("div", { class: "drawer-body" });
    window.addEventListener("resize", () => this.isOpen && this.#place());
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

  /** Below the header and above the slider of time, which may be hidden. */
  #place() {
    const { top } = document.querySelector("main").getBoundingClientRect();
    const slider = document.getElementById("timeline").getBoundingClientRect();
    const bottom = slider.height > 0 ? Math.max(window.innerHeight - slider.top, 0) : 0;
    this.node.style.setProperty("--top", `${Math.max(top, 0)}px`);
    this.node.style.setProperty("--bottom", `${bottom}px`);
  }

  /** Close it, and go back to where one was. */
  close() {
    if (!this.isOpen) return;
    opened = null;
    const hadFocus = this.node.contains(document.activeElement);
    this.node.close();
    if (hadFocus && this.opener?.isConnected) this.opener.focus();
    this.onClose();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || !opened || document.querySelector("dialog:modal")) return;
  event.preventDefault();
  opened.close();
});
