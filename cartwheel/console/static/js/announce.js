/** One polite live region: says what is new, at most every three seconds. */

import { h } from "./dom.js";

const INTERVAL = 3000;
const region = h("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
/** Sentences by what they are about. */
const waiting = new Map();
let timer = 0;

/**
 * @param {string} sentence
 * @param {string} about of one thing, only the newest sentence is said
 */
export function announce(sentence, about = sentence) {
  if (!region.isConnected) document.body.append(region);
  waiting.set(about, sentence);
  if (!timer) say();
}

function say() {
  timer = 0;
  if (!waiting.size) return;
  const sentences = [...waiting.values()].join(" ");
  waiting.clear();
  if (region.textContent !== sentences) region.textContent = sentences;
  timer = setTimeout(say, INTERVAL);
}
