/** Under the charts: what the last decision was, and the sentence that says why. */

import { h, setText } from "./dom.js";
import { clock, span } from "./times.js";

export const HOW_TO_GET_ONE = "The number of replicas changes only when somebody changes it. To get an autoscaler, start the shop with: cartwheel up --autoscale cpu (or requests)";

/** The last decision that changed the count, in a few words. */
export function lastDecision(decisions, now) {
  const last = decisions.findLast((one) => one.at <= now);
  if (!last) return "";
  return `${last.title} at ${clock(last.at)}, ${span(Math.max(now - last.at, 0))} ago`;
}

export class SentenceView {
  constructor(onWhy) {
    this.when = h("span", { class: "when" });
    this.text = h("p", { class: "sentence-text" });
    this.why = h("button", { type: "button", onclick: onWhy }, "Why? ", h("kbd", {}, "W"));
    this.node = h("div", { class: "sentence" }, h("div", { class: "sentence-head" }, this.when, this.why), this.text);
  }

  /** @param {object|null} frame the one that is shown */
  show(frame, decisions) {
    const autoscaler = frame?.autoscaler;
    this.why.hidden = !autoscaler;
    if (!frame) {
      setText(this.when, "No data yet");
      setText(this.text, "The first values come within a second or two after the shop is ready.");
      return;
    }
    if (!autoscaler) {
      setText(this.when, "No autoscaler");
      setText(this.text, HOW_TO_GET_ONE);
      return;
    }
    const last = lastDecision(decisions, frame.at);
    setText(this.when, last ? `Last change: ${last}` : "No change of the count in view");
    setText(this.text, autoscaler.sentence || frame.problem || "No sentence yet: the autoscaler has not decided.");
  }
}
