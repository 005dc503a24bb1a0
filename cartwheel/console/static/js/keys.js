/** The keys of the page: each is registered once, and `?` lists them all. */

import { h } from "./dom.js";

/** @type {Map<string, {label: string, handler: (event: KeyboardEvent) => void}>} */
const keys = new Map();
const TAKES_SPACE = "button, a, summary, input, [role=slider], [role=radio]";
const NAMES = { " ": "Space", Escape: "Esc", ArrowLeft: "←", ArrowRight: "→" };

/**
 * Have a key do something, unless somebody types or a dialog is open.
 * @param {string} name as `KeyboardEvent.key`; letters in lower case
 * @param {string} label what it does, as in the list
 * @param {(event: KeyboardEvent) => unknown} handler it returns false if there was nothing to do
 */
export function key(name, label, handler) {
  keys.set(name, { label, handler });
}

/** Start to listen. */
export function listen() {
  key("?", "List the keys", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog:modal")) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (name === " " && event.target.closest?.(TAKES_SPACE)) return;
    const found = keys.get(name);
    if (!found) return;
    if (found.handler(event) !== false) event.preventDefault();
  });
}

function isTyping(target) {
  if (target.isContentEditable || target.matches?.("select, textarea")) return true;
  return target.matches?.("input:not([type=range], [type=checkbox], [type=radio])") ?? false;
}

/** The list of all keys, as a dialog. */
export function showKeys() {
  const rows = [...keys].map(([name, { label }]) => [
    h("dt", {}, h("kbd", {}, NAMES[name] ?? name.toUpperCase())),
    h("dd", {}, label),
  ]);
  const dialog = h(
    "dialog",
    { "aria-labelledby": "keys-title", onclose: () => dialog.remove() },
    h("div", { class: "drawer-head" },
      h("h2", { id: "keys-title" }, "Keys"),
      h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    h("dl", { class: "keys-list" }, rows),
  );
  document.body.append(dialog);
  dialog.showModal();
}
