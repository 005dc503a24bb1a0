/** Under the charts: what the last decision was, and the sentence that says why. */

import { h, setText } from "./dom.js";
import { clock, span } from "./times.js";

export const HOW_TO_GET_ONE = "The number of replicas changes only when somebody changes it. To get an autoscaler, start the shop with: cartwheel up --autoscale cpu (or requests)";

/**
 * The last decision that changed the count: what, when, and why.
 * @param {number|null} begin of the shop that runs; null: before what is known
 * @param {string} said the sentence above, which is not said again
 */
export function lastDecision(decisions, now, begin = null, said = "") {
  const last = decisions.findLast((one) => one.at <= now && one.at >= (begin ?? -Infinity));
  if (!last) return begin === null ? "The count has not changed in this time." : `The count has not changed since ${clock(begin)}.`;
  const decided = `${last.title} at ${clock(last.at)}, ${span(Math.max(now - last.at, 0))} ago.`;
  return last.detail === said ? decided : `${decided} ${last.detail}`;
}

export class SentenceView {
  constructor(onWhy) {
    this.text = h("p", { class: "sentence-text" });
    this.last = h("p", { class: "quiet" });
    this.why = h("button", { type: "button", onclick: onWhy }, "Why? ", h("kbd", {}, "W"));
    this.node = h("div", { class: "sentence" }, h("div", {}, this.text, this.last), this.why);
  }

  /**
   * @param {object|null} frame the one that is shown
   * @param {import("./autoscaler_samples.js").Samples} samples
   */
  show(frame, samples) {
    const autoscaler = frame?.autoscaler;
    this.why.hidden = !autoscaler;
    const [text, last] = !frame ? ["No data yet.", "The first values come a second or two after the shop is ready."]
      : !autoscaler ? ["There is no autoscaler.", HOW_TO_GET_ONE]
        : [autoscaler.sentence || frame.problem || "It has not decided yet.", lastDecision(samples.decisions(), frame.at, samples.beginOf(frame.at), autoscaler.sentence)];
    setText(this.text, text);
    setText(this.last, last);
  }
}
