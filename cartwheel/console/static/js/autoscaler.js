/** The panel `autoscaler`: load, metric and replicas over time, each decision with its reason. */

import { announce } from "./announce.js";
import { Samples } from "./autoscaler_samples.js";
import { SentenceView } from "./autoscaler_sentence.js";
import { chartsOf, summary } from "./autoscaler_series.js";
import { TableView } from "./autoscaler_table.js";
import { longestOf, redrawAfter, secondsOf, viewOf, windowsOf } from "./autoscaler_view.js";
import { Changes } from "./autoscaler_changes.js";
import { Explanation } from "./autoscaler_explanation.js";
import { ChartStack } from "./chart_stack.js";
import { Cursor } from "./chart_cursor.js";
import { DecisionLane } from "./chart_decisions.js";
import { indexAt } from "./chart_path.js";
import { h, setAttribute, setText } from "./dom.js";
import { key } from "./keys.js";
import * as tables from "./tables.js";
import { clock } from "./times.js";

const POINTS = 600;
const RELOAD_AFTER = 600;

export function mount(root, session) {
  return new Panel(root, session);
}

class Panel {
  samples = new Samples();
  frame = null;
  view = null;
  /** Why the history could not be read. */
  problem = "";
  #drawnAt = 0;
  #loads = 0;
  /** What has come since the history was asked for: it may not have that. */
  #meanwhile = null;
  #isOpened = false;

  constructor(root, session) {
    this.session = session;
    this.explanation = new Explanation(session, { decisions: () => this.samples.decisions(), onPick: (at) => this.explain(at) });
    this.changes = new Changes(session);
    this.#build(root);
    session.on("frame", (frame) => this.#takeFrame(frame));
    session.on("mark", (mark) => this.#takeMark(mark));
    session.on("state", (state) => this.#takeState(state));
    tables.onChange(() => this.draw());
    document.addEventListener("visibilitychange", () => this.draw());
    this.#registerKeys();
    if (session.frame) this.#takeFrame(session.frame);
    this.load();
  }

  get #isRecording() {
    return this.session.info.mode === "recording";
  }

  /** A recording is opened at its first decision, unless somebody was faster. */
  #openAtDecision() {
    const { info, state } = this.session;
    const [first] = this.samples.decisions();
    if (!this.#isRecording || !first || this.#isOpened) return;
    this.#isOpened = true;
    if (state.moment === info.start) this.session.showMoment(first.at);
  }

  #build(root) {
    this.title = h("h2", {}, "Autoscaler");
    this.badge = h("span", { class: "badge" });
    const windows = windowsOf(this.session.info);
    this.chosen = windows.default;
    this.seconds = this.chosen;
    const options = [...windows.choice].map(([seconds, words]) => h("option", { value: seconds, selected: seconds === this.chosen }, words));
    this.choice = h("select", { "aria-label": "Time in view", onchange: () => this.#choose(Number(this.choice.value)) }, options);
    this.live = h("button", { type: "button", class: "go-live", hidden: true, onclick: () => this.session.showLive() }, "Live again");
    const head = h("header", { class: "autoscaler-head" }, this.title, this.badge, h("div", { class: "controls" }, this.live, this.choice, this.changes.buttons));
    this.plot = h("div", { class: "plot" });
    this.stack = new ChartStack(this.plot);
    this.cursor = new Cursor(this.plot, this);
    this.lane = new DecisionLane((mark) => this.explain(mark.at));
    this.empty = h("p", { class: "empty", hidden: true });
    this.picture = h("div", { class: "charts" }, this.lane.node, this.plot, this.empty);
    this.table = new TableView();
    this.sentence = new SentenceView(() => this.explain(this.session.state.moment));
    this.body = h("div", { class: "autoscaler" }, head, this.picture, this.table.node, this.sentence.node);
    root.replaceChildren(this.body);
    new ResizeObserver(() => this.#resize()).observe(this.plot);
    // Its size follows the size of the type.
    const probe = h("span", { class: "em-probe", "aria-hidden": "true" });
    this.body.append(probe);
    new ResizeObserver(() => this.#resize()).observe(probe);
  }

  #registerKeys() {
    key("w", "Why: explain the autoscaler at this moment", () => this.explain(this.cursor.at ?? this.session.state.moment));
    if (this.#isRecording) return;
    key("v", "Live again", () => this.session.showLive());
    key("e", "Edit the autoscaler", () => this.changes.open());
  }

  #resize() {
    this.stack.measure();
    this.draw();
  }

  #choose(seconds) {
    this.chosen = seconds;
    this.seconds = this.session.state.moment === null ? seconds : longestOf(seconds);
    this.view = null;
    this.stack.charts.forEach((chart) => chart.forgetScale());
    this.load();
  }

  /** Read what is in view from the history. Only the newest answer counts. */
  async load() {
    const load = (this.#loads += 1);
    const meanwhile = { frames: this.frame ? [this.frame] : [], marks: [] };
    this.#meanwhile = meanwhile;
    const wanted = this.#wanted();
    const seconds = wanted.moment === null ? longestOf(this.chosen) : this.seconds;
    const { start, end } = viewOf(this.view, { ...wanted, seconds });
    try {
      const history = await this.session.history({ from: start, to: end, points: POINTS });
      if (load !== this.#loads) return;
      this.problem = "";
      this.samples.replace(history);
      for (const one of meanwhile.marks) this.samples.addMark(one);
      if (this.session.state.moment === null) for (const one of meanwhile.frames) this.samples.append(one);
    } catch (error) {
      if (load !== this.#loads) return;
      this.problem = error.detail ?? String(error);
    }
    this.#meanwhile = null;
    this.loaded = { start, end };
    this.explanation.showButtons();
    this.#openAtDecision();
    this.draw();
  }

  #wanted() {
    const { moment } = this.session.state;
    const newest = this.#isRecording ? this.session.info.end : (this.session.frame?.at ?? this.frame?.at ?? Date.now() / 1000);
    return { seconds: this.seconds, newest, moment };
  }

  #secondsNow(newest) {
    return secondsOf(this.chosen, { begin: this.samples.begin, newest, before: this.seconds });
  }

  #takeFrame(frame) {
    this.frame = frame;
    const isOther = this.samples.hasAutoscaler !== Boolean(frame.autoscaler);
    this.samples.hasAutoscaler = Boolean(frame.autoscaler);
    if (isOther) this.load();
    else this.#meanwhile?.frames.push(frame);
    if (this.session.state.moment === null && this.samples.append(frame)) {
      this.samples.trim(frame.at - 1.1 * longestOf(this.chosen));
      if (this.samples.at.length > POINTS + RELOAD_AFTER) this.load();
    }
    this.explanation.follow(frame);
    this.changes.follow(frame);
    const isDue = Math.abs(frame.at - this.#drawnAt) >= redrawAfter(this.seconds, this.stack.width) - 0.05;
    if (isDue) this.draw();
    else this.#showSentence();
  }

  #takeMark(mark) {
    this.samples.addMark(mark);
    this.explanation.showButtons();
    this.#meanwhile?.marks.push(mark);
    if (mark.kind === "decision") announce(`${mark.title} replicas. ${mark.detail}`);
    this.draw();
  }

  #takeState({ moment, connection }) {
    setAttribute(this.body, "data-connection", connection);
    this.live.hidden = moment === null || this.#isRecording;
    const view = viewOf(this.view, this.#wanted());
    const isOutside = !this.loaded || view.start < this.loaded.start - 1 || view.end > this.loaded.end + 1;
    const isBack = this.wasMoment && moment === null;
    this.wasMoment = moment !== null;
    this.changes.update();
    this.explanation.showMoment(moment);
    if (isBack || (moment !== null && isOutside)) this.load();
    else this.draw();
  }

  /** Open the reasons of a moment; null: of now, and they follow. */
  explain(at) {
    const isPast = at !== null && (this.#isRecording || at < this.#wanted().newest);
    if (isPast) this.session.showMoment(at);
    this.explanation.open(isPast ? at : null);
  }

  draw() {
    if (document.hidden || !this.stack.width) return;
    this.#showSentence();
    this.#chooseCharts();
    const wanted = this.#wanted();
    const { moment } = wanted;
    // What one looks at in the past does not move because the present goes on.
    if (moment === null) wanted.seconds = this.seconds = this.#secondsNow(wanted.newest);
    this.view = viewOf(this.view, wanted);
    this.#drawnAt = this.frame?.at ?? 0;
    this.picture.hidden = tables.areShown();
    this.table.node.hidden = !tables.areShown();
    if (tables.areShown()) {
      this.table.show(this.samples, this.stack.charts.map((chart) => chart.spec), this.view);
      return;
    }
    const focus = this.cursor.at ?? moment;
    this.stack.draw(this.samples, { ...this.view, focus, moment });
    this.lane.show(this.samples.decisions(), this.stack);
    this.cursor.refresh(this.#drawnAt);
    this.#showEmpty();
  }

  /** Other charts only when the autoscaler is another: their scales and nodes are kept. */
  #chooseCharts() {
    if (!this.frame) return;
    const key = keyOf(this.frame.autoscaler);
    if (key === this.chartsKey) return;
    this.chartsKey = key;
    this.stack.show(chartsOf(this.frame.autoscaler));
  }

  /** The values at a time, in a sentence. */
  inWords(focus) {
    const index = indexAt(this.samples.at, focus ?? Infinity);
    if (index < 0) return "no data";
    const values = Object.fromEntries(Object.keys(this.samples).map((name) => [name, this.samples[name]?.[index]]));
    return `${clock(this.samples.at[index])}: ${summary(this.stack.charts.map((chart) => chart.spec), values)}`;
  }

  #showEmpty() {
    const hasData = this.samples.at.some((at) => at >= this.view.start && at <= this.view.end);
    this.empty.hidden = hasData;
    if (!hasData) setText(this.empty, this.problem || (this.frame ? "Nothing was recorded in this time." : "No data yet."));
  }

  #showSentence() {
    const autoscaler = this.frame?.autoscaler;
    setText(this.title, autoscaler ? `Autoscaler of ${autoscaler.service}` : "Autoscaler");
    const [words, look] = badgeOf(this.frame);
    setText(this.badge, words);
    setAttribute(this.badge, "class", `badge ${look}`);
    this.sentence.show(this.frame, this.samples);
  }
}

function keyOf(autoscaler) {
  if (!autoscaler) return "none";
  const { service, metric, unit, min, max, target, capacity } = autoscaler;
  return [service, metric, unit, min, max, target, capacity === null].join();
}

function badgeOf(frame) {
  if (!frame) return ["", ""];
  const { autoscaler } = frame;
  if (!autoscaler) return ["none", "quiet"];
  if (autoscaler.is_paused) return [`‖ paused at ${autoscaler.desired}`, "waiting"];
  return [autoscaler.title, "quiet"];
}
