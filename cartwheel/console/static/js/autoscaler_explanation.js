/** Why the autoscaler wanted its count at a moment: sentences, and the file in force then. */

import { manifestBox, showManifest } from "./autoscaler_manifest.js";
import { h, setText } from "./dom.js";
import { Drawer } from "./drawer.js";
import { clock } from "./times.js";

/** As `cartwheel explain` prints them. */
const BASES = { measured: "●", computed: "=", inferred: "~" };
const INTERVAL = 2;

export class Explanation {
  #at = null;
  #isWanted = false;
  #isLoading = false;
  #askedAt = 0;
  #shown = "";

  /** @param {() => {at: number}[]} decisions those in view */
  constructor(session, { decisions, onPick }) {
    this.session = session;
    this.decisions = decisions;
    this.before = h("button", { type: "button", "aria-label": "Decision before", onclick: () => onPick(this.#neighbour(-1).at) }, "‹");
    this.after = h("button", { type: "button", "aria-label": "Decision after", onclick: () => onPick(this.#neighbour(1).at) }, "›");
    this.live = h("button", { type: "button", onclick: () => session.showLive() }, "Live ", h("kbd", {}, "V"));
    this.drawer = new Drawer({ name: "explanation" });
    this.drawer.tools.append(this.before, this.after, this.live);
    this.reasons = h("div", { class: "reasons", tabindex: 0, role: "region", "aria-label": "Reasons" });
    this.manifest = manifestBox("YAML that was in force");
    this.drawer.body.append(
      this.reasons,
      h("section", { class: "in-force" }, h("h3", {}, "In force then"), this.manifest),
    );
  }

  /** @param {number|null} at null: of now, and of what comes after */
  open(at) {
    this.#at = at;
    if (!this.drawer.isOpen) this.#clear();
    this.showButtons();
    this.drawer.open();
    this.#load();
  }

  close() {
    this.drawer.close();
  }

  /** The moment that the page shows has changed. */
  showMoment(at) {
    if (this.drawer.isOpen && at !== this.#at) this.open(at);
  }

  /** While it shows now, it follows. */
  follow(frame) {
    if (!this.drawer.isOpen || this.#at !== null || frame.at - this.#askedAt < INTERVAL) return;
    this.#askedAt = frame.at;
    this.#load();
  }

  /** One request at a time: of the moments that pass meanwhile, only the last is asked for. */
  async #load() {
    this.#isWanted = true;
    if (this.#isLoading) return;
    this.#isLoading = true;
    while (this.#isWanted && this.drawer.isOpen) {
      this.#isWanted = false;
      const at = this.#at;
      this.#show(await this.#explain(at), at);
    }
    this.#isLoading = false;
  }

  #clear() {
    this.#shown = "";
    setText(this.drawer.title, titleOf(this.#at));
    this.reasons.replaceChildren();
    showManifest(this.manifest, "");
  }

  async #explain(at) {
    try {
      return await this.session.explanation(at);
    } catch (error) {
      return { sentences: [], outlook: [], notes: [], manifest: "", problem: error.detail ?? String(error) };
    }
  }

  /** The title, too, only now: below it must not stand what was true at another moment. */
  #show(found, asked) {
    setText(this.drawer.title, titleOf(asked));
    const key = JSON.stringify({ ...found, at: asked });
    if (key === this.#shown) return;
    this.#shown = key;
    const { title, at, sentences, outlook, notes, manifest, problem } = found;
    const [headline, ...reasons] = sentences;
    this.reasons.replaceChildren(...[
      problem && h("h3", {}, "No explanation"),
      problem && h("p", { class: "problem" }, problem),
      headline && h("p", { class: "headline" }, headline.text),
      listOf(reasons),
      outlook.length > 0 && h("h3", {}, "What would change it"),
      listOf(outlook),
      notes.length > 0 && h("h3", {}, "Not seen"),
      notes.length > 0 && h("ul", { class: "notes" }, notes.map((note) => h("li", {}, note))),
      sentences.length > 0 && h("p", { class: "legend quiet" }, Object.entries(BASES).map(([basis, sign]) => h("span", {}, h("b", {}, sign), ` ${basis}`))),
      title && h("p", { class: "quiet source" }, `${title}, as of ${clock(at)}. The same in a terminal: cartwheel explain`, asked === null ? "" : ` --at ${clock(at)}`),
    ].filter(Boolean));
    this.drawer.body.classList.toggle("without-manifest", !manifest);
    showManifest(this.manifest, manifest || "");
  }

  /** Other decisions may be known by now. */
  showButtons() {
    this.before.disabled = !this.#neighbour(-1);
    this.after.disabled = !this.#neighbour(1);
    this.live.hidden = this.#at === null || this.session.info.mode === "recording";
  }

  #neighbour(step) {
    const all = this.decisions();
    const at = this.#at ?? Infinity;
    return step < 0 ? all.findLast((one) => one.at < at - 0.001) : all.find((one) => one.at > at + 0.001);
  }
}

const titleOf = (at) => (at === null ? "Why, now" : `Why, at ${clock(at)}`);

function listOf(sentences) {
  if (!sentences.length) return null;
  return h("ul", { class: "sentences" }, sentences.map(({ text, basis }) => h("li", {},
    h("span", { class: "basis", title: basis, "aria-hidden": "true" }, BASES[basis] ?? "·"),
    h("span", {}, text, h("span", { class: "visually-hidden" }, ` (${basis})`)))));
}
