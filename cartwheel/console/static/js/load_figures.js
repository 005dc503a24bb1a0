/** What a load does, second by second, and one sentence when it has ended. */

import { h, setText } from "./dom.js";
import { duration, number, perSecond } from "./numbers.js";

const FIGURES = [
  ["asked", "asked", (load) => perSecond(load.asked)],
  ["achieved", "achieved", (load) => perSecond(load.achieved)],
  ["p50", "p50", (load) => duration(load.p50)],
  ["p95", "p95", (load) => duration(load.p95)],
  ["p99", "p99", (load) => duration(load.p99)],
  ["failed", "failed", (load) => number(load.failed)],
  ["missed", "missed", (load) => number(load.missed)],
];
/** Of what is asked: less is said with a sign. */
const ENOUGH = 0.9;
const TITLES = {
  achieved: "Responses per second that are no failures",
  p50: "Half of the responses of the last second were faster",
  p95: "95 of 100 responses of the last second were faster",
  p99: "99 of 100 responses of the last second were faster",
  failed: "Since the load began: no response, or a server error",
  missed: "Since the load began: due and not sent, because too many requests waited",
};

export class LoadFigures {
  #values = new Map(FIGURES.map(([name]) => [name, h("dd", { class: "number" }, "–")]));
  #list = h("dl", { class: "load-figures", hidden: true }, FIGURES.map(([name, label]) =>
    h("div", { title: TITLES[name] }, h("dt", {}, label), this.#values.get(name))));
  #sentence = h("p", { class: "load-sentence" });

  /** @param {...Node} more below the figures */
  constructor(...more) {
    this.element = h("div", { class: "load-text" }, this.#list, this.#sentence, more);
  }

  /** @param load the state of a frame; null: nothing runs, and a sentence says so */
  show(load, { sentence, tone }) {
    this.#list.hidden = !load;
    this.#sentence.hidden = Boolean(load) || !sentence;
    setText(this.#sentence, sentence);
    this.#sentence.className = `load-sentence ${tone}`;
    if (!load) return;
    for (const [name, , format] of FIGURES) setText(this.#values.get(name), format(load));
    const isShort = load.achieved !== null && load.achieved < ENOUGH * load.asked;
    this.#values.get("achieved").classList.toggle("waiting", isShort);
    for (const name of ["failed", "missed"]) this.#values.get(name).classList.toggle("bad", load[name] > 0);
  }
}

/** What to say when nothing runs: `{sentence, tone}`. */
export function words({ last, isEnding, elsewhere, canChange }) {
  if (isEnding) return { sentence: "Ended. Waiting for the last responses …", tone: "quiet" };
  if (elsewhere) return { sentence: `${number(elsewhere)} requests/s arrive, but not from here: a lesson, a browser, or cartwheel load in a terminal.`, tone: "quiet" };
  if (last) return { sentence: `${last.is_good ? "✓" : "✗"} ${last.scenario}: ${last.sentence}`, tone: last.is_good ? "good" : "bad" };
  return { sentence: canChange ? "No load yet. L starts it, the arrow keys turn it." : "", tone: "quiet" };
}
