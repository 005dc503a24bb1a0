/** One polite live region: says the newest sentence, at most every three seconds. */

import { h } from "./dom.js";

const INTERVAL = 3000;
const region = h("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
let waiting = null;
let timer = 0;

/** @param {string} sentence */
export function announce(sentence) {
  if (!region.isConnected) document.body.append(region);
  waiting = sentence;
  if (!timer) say();
}

function say() {
  timer = 0;
  if (waiting === null) return;
  if (region.textContent !== waiting) region.textContent = waiting;
  waiting = null;
  timer = setTimeout(say, INTERVAL);
}
