/** The way to the clipboard, also for a page that may not use the newer one. */

import { announce } from "./announce.js";
import { h, setText } from "./dom.js";

const SAID = 2000;

/** A button that copies a text, and says so for a moment. */
export function copyButton(label, textOf, properties = {}) {
  const button = h("button", { type: "button", ...properties }, label);
  let timer = 0;
  const say = (words) => {
    clearTimeout(timer);
    // What stands beside it does not move.
    button.style.minWidth ||= `${button.offsetWidth}px`;
    setText(button, words);
    timer = setTimeout(() => {
      setText(button, label);
      button.style.minWidth = "";
    }, SAID);
  };
  button.addEventListener("click", async () => {
    const isCopied = await copy(textOf());
    say(isCopied ? "Copied" : "Not copied");
    announce(isCopied ? "Copied" : "The browser does not let this page copy.");
  });
  return button;
}

/** @returns whether the text is in the clipboard now */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not over plain HTTP from another machine, nor if somebody has forbidden it.
    return copySelection(text);
  }
}

function copySelection(text) {
  const before = document.activeElement;
  const field = h("textarea", { class: "visually-hidden", "aria-hidden": "true", readonly: true }, text);
  document.body.append(field);
  field.focus({ preventScroll: true });
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  before?.focus({ preventScroll: true });
  return isCopied;
}
