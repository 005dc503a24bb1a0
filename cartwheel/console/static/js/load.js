/** The panel of the load: its dial, what it does, and what became of it. */

import { announce } from "./announce.js";
import { h, setText } from "./dom.js";
import { key } from "./keys.js";
import { LoadControls } from "./load_controls.js";
import { LoadFigures, words } from "./load_figures.js";
import { replicaMarks } from "./load_scale.js";
import { NewestSender } from "./load_sender.js";
import { STEADY } from "./load_shapes.js";

/** Milliseconds after a change until a frame shows it for certain. */
const SETTLED = 1600;
const OUTSIDE = "outside";
const SILENT = "The console does not say which load runs: try again.";
/** Requests per second that are worth a word. */
const MIN_ELSEWHERE = 3;
/** Frames after a load in which its last requests are still in the rates. */
const FADING = 20;

export function mount(root, session) {
  new LoadPanel(root, session).start();
}

class LoadPanel {
  #session;
  #controls;
  #note = h("p", { class: "load-note", hidden: true });
  #figures;
  #sender = new NewestSender();
  /** Whether a load is to run, by what was asked for last: known before the console has done it. */
  #isWanted = false;
  /** What `GET /api/load` said last; null before that, and where nothing can be changed. */
  #overview = null;
  /** That it is asked for the first time. */
  #asked;
  /** Of all that was asked for: an answer says how it was before what was asked for later. */
  #asks = 0;
  #frame = null;
  #problem = "";
  #changedAt = -Infinity;
  #stagesAt = 0;
  #achieved = [];
  #fading = 0;

  constructor(root, session) {
    this.#session = session;
    this.#controls = new LoadControls({
      read: (text) => session.request("GET", `/api/load/stages?text=${encodeURIComponent(text)}`),
      onTurn: () => this.#turn(),
      onSubmit: () => this.#submit(),
      onStop: () => this.#stop(),
    });
    this.#figures = new LoadFigures(this.#controls.stagesProblem, this.#note);
    root.append(h("h2", { class: "visually-hidden" }, "Load"),
      h("div", { class: "load-panel" }, this.#controls.element,
        h("div", { class: "load-state" }, this.#figures.element, this.#controls.copy)));
  }

  start() {
    this.#session.on("frame", (frame) => this.#show(frame));
    this.#session.on("state", () => this.#redraw());
    this.#session.on("mark", (mark) => mark.kind === "load" && this.#refresh());
    if (this.#session.info.mode === "local") {
      key("l", "Start the load, or turn it", () => this.#press());
      key("0", "Stop the load", () => this.#pressStop());
    }
    this.#asked = this.#refresh();
    this.#redraw();
  }

  get #isLive() {
    return this.#session.info.mode === "local" && this.#session.info.parts.load && this.#session.state.moment === null;
  }

  /** Why nothing can be changed, in a sentence; empty if it can. */
  get #reason() {
    const { info, state } = this.#session;
    if (info.mode !== "local" || !info.parts.load) return info.read_only_reason || "Load can be put only on a shop that runs here.";
    if (!state.canChange) return state.reason;
    if (state.moment !== null) return "This is the past: go back to live to change the load.";
    return state.connection === "lost" ? "No connection to the console." : "";
  }

  get #canChange() {
    return !this.#reason && this.#overview !== null;
  }

  get #isRunning() {
    return this.#isLive && this.#overview ? this.#overview.running !== null : Boolean(this.#frame?.load);
  }

  /** Whether a load runs, or is about to. */
  get #isOn() {
    return this.#sender.isBusy ? this.#isWanted : this.#isRunning;
  }

  /** Whether frames show what was last done here: before that, the dial is right and they are not. */
  get #isSettled() {
    return !this.#sender.isBusy && performance.now() - this.#changedAt > SETTLED;
  }

  #show(frame) {
    this.#frame = frame;
    const { load } = frame;
    this.#fading = load ? FADING : Math.max(this.#fading - 1, 0);
    const isSettled = this.#isSettled;
    const isOld = isSettled && (Boolean(load) !== this.#isRunning || this.#overview?.is_ending);
    if (this.#isLive && this.#overview && isOld) this.#refresh();
    if (load && isSettled) this.#controls.followFrame(load);
    if (load?.achieved != null && this.#overview?.running) this.#achieved.push([frame.at - this.#stagesAt, load.achieved]);
    this.#redraw();
  }

  async #refresh() {
    if (!this.#session.info.parts.load) return;
    const ask = (this.#asks += 1);
    try {
      const overview = await this.#session.request("GET", "/api/load");
      if (ask === this.#asks && !this.#sender.isBusy) this.#take(overview);
    } catch (problem) {
      console.warn(problem);
    }
    this.#redraw();
  }

  #take(overview) {
    const before = this.#overview?.running;
    this.#overview = overview;
    this.#controls.setLimits(overview);
    if (overview.running && overview.running.stages_at !== this.#stagesAt) {
      this.#stagesAt = overview.running.stages_at;
      this.#achieved = [];
      // The same load has begun: what was chosen since then stays.
      if (!isSame(overview.running, before)) this.#controls.followLoad(overview.running, { isOwn: !this.#isSettled });
    }
    if (before && !overview.running && overview.last) announce(`The load has ended: ${overview.last.sentence}`);
  }

  async #press() {
    if (!this.#overview) await this.#ask();
    if (!this.#canChange) return announce(this.#reason || SILENT);
    if (!this.#isOn) this.#submit();
    else this.#controls.choose(STEADY);
    return this.#controls.focusDial();
  }

  async #pressStop() {
    if (!this.#overview) await this.#ask();
    if (this.#canChange && this.#isOn) this.#stop();
  }

  /** A key that is pressed before the console has said what runs waits for that. */
  async #ask() {
    await this.#asked;
    if (!this.#overview) await this.#refresh();
  }

  /** The dial was turned, or something else was chosen: a load that runs follows. */
  #turn() {
    if (this.#isOn && this.#controls.isOff) this.#stop();
    else if (this.#isOn) this.#send();
    this.#redraw();
  }

  #submit() {
    if (!this.#canChange) return;
    this.#controls.prepareStart();
    this.#send();
  }

  #send() {
    const body = this.#controls.request();
    this.#isWanted = true;
    this.#sender.push(() => this.#do(() => this.#session.request("PUT", "/api/load", body)));
  }

  #stop() {
    this.#isWanted = false;
    this.#sender.push(() => this.#do(() => this.#session.request("DELETE", "/api/load")));
  }

  async #do(ask) {
    this.#asks += 1;
    try {
      this.#take(await ask());
      this.#problem = "";
      this.#controls.showStagesProblem("");
    } catch (problem) {
      const isOfStages = problem.status === 422 && this.#controls.shape !== STEADY;
      this.#problem = isOfStages ? "" : problem.detail;
      if (isOfStages) this.#controls.showStagesProblem(problem.detail);
      announce(problem.detail);
    }
    this.#changedAt = performance.now();
    this.#redraw();
  }

  #redraw() {
    const isRunning = this.#isRunning;
    const load = isRunning ? this.#frame?.load ?? this.#overview?.running : null;
    const state = { isRunning, canChange: this.#canChange, secondsLeft: load?.seconds_left ?? null };
    this.#controls.show(state, this.#isLive ? this.#overview?.running : null);
    this.#controls.setMarks((scenario) => replicaMarks(this.#frame?.autoscaler, scenario));
    this.#controls.setProgress(isRunning && this.#frame ? this.#frame.at - this.#stagesAt : null, this.#achieved, load?.achieved ?? null);
    this.#figures.show(load, words({
      last: this.#isLive ? this.#overview?.last : null,
      isEnding: this.#isLive && this.#overview?.is_ending,
      elsewhere: this.#elsewhere(),
      canChange: this.#canChange,
    }));
    this.#showNote();
  }

  #elsewhere() {
    if (this.#fading || !this.#frame) return 0;
    const rates = this.#frame.edges.filter((edge) => edge.source === OUTSIDE).map((edge) => edge.rate);
    const rate = rates.reduce((sum, one) => sum + one, 0);
    return rate >= MIN_ELSEWHERE ? rate : 0;
  }

  #showNote() {
    // The line below the header has it already.
    const reason = this.#reason === this.#session.state.reason ? "" : this.#reason;
    const text = this.#problem || reason;
    this.#note.hidden = !text;
    this.#note.className = `load-note ${this.#problem ? "problem" : "quiet"}`;
    setText(this.#note, text);
  }
}

const isSame = (one, other) => one.scenario === other?.scenario && one.text === other.text;
