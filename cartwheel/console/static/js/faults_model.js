/** What can be broken, what is, and what became of it: as the console says. */

import { announce } from "./announce.js";
import { Emitter } from "./emitter.js";
import { duration, number } from "./numbers.js";

/**
 * Emits `change`. `featured` and `faults` are the catalogue, `running` and `last` are faults that
 * this console has begun, `others` those of others, as the frame shows them. `problem` is what
 * went wrong last, as a sentence.
 */
export class FaultsModel extends Emitter {
  featured = [];
  faults = [];
  running = null;
  last = null;
  others = [];
  maxSeconds = 60;
  problem = "";
  hasLoad = false;
  #session;
  #isAsking = false;
  /** That the catalogue is asked for the first time. */
  #asked;
  #isChanging = false;
  #changes = 0;

  constructor(session) {
    super();
    this.#session = session;
    session.on("frame", (frame) => this.#takeFrame(frame));
    session.on("state", () => this.emit("change"));
    this.#asked = this.#loadFirst();
  }

  get hasCatalogue() {
    return Boolean(this.#session.info.parts.faults);
  }

  /** Why nothing can be broken just now; empty if it can. */
  get reason() {
    const { info, state } = this.#session;
    if (info.read_only_reason) return info.read_only_reason;
    if (!this.hasCatalogue) return "Nothing can be broken from here.";
    if (state.moment !== null) return "You see an earlier moment: go back to live to break something.";
    if (state.connection === "lost") return "There is no connection.";
    return state.canChange ? "" : state.reason;
  }

  /** Whether the line below the header says the reason. */
  get isReasonSaid() {
    return this.reason === this.#session.state.reason;
  }

  fault(id) {
    return this.faults.find((one) => one.id === id);
  }

  /** The two words of a fault that is featured, or its title. */
  nameOf(id) {
    return this.featured.find((one) => one.id === id)?.label ?? this.fault(id)?.title ?? id;
  }

  /** Why this fault cannot begin just now; empty if it can. */
  reasonAgainst(id) {
    const fault = this.fault(id);
    if (fault?.problem) return `${fault.problem}${fault.remedy ? ` Start one that can: ${fault.remedy}` : ""}`;
    if (this.reason) return this.reason;
    if (this.running) return `One at a time: end “${this.nameOf(this.running.fault)}” first.`;
    if (this.others.length) return `${this.others[0].by} has broken something: wait for its end.`;
    return "";
  }

  /** Until the console has said what can be broken; it is asked once more if it has not. */
  async ready() {
    await this.#asked;
    if (!this.faults.length) await this.load();
  }

  /** Read the catalogue again: the shop may be another one. */
  async load() {
    if (!this.hasCatalogue) return;
    this.problem = "";
    try {
      const { featured, faults, ...current } = await this.#session.request("GET", "/api/faults");
      Object.assign(this, { featured, faults });
      this.#take(current);
    } catch (error) {
      this.refuse(error.detail || error.message);
    }
  }

  async #loadFirst() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    await this.load();
    this.#isAsking = false;
  }

  /** @param {number|null} seconds null: as long as the catalogue says */
  async begin(id, seconds = null) {
    await this.#change("PUT", id, seconds === null ? {} : { seconds });
    if (this.running) announce(`${this.nameOf(id)}: ${this.fault(id).breaks}`);
  }

  async end() {
    if (this.running) await this.#change("DELETE", this.running.fault);
  }

  /** Say why something that was asked for does not happen. */
  refuse(reason) {
    this.problem = reason;
    announce(reason);
    this.emit("change");
  }

  /** One at a time: who presses twice because nothing happened yet has asked for one. */
  async #change(method, id, body) {
    if (this.#isChanging) return;
    this.#isChanging = true;
    this.#changes += 1;
    this.problem = "";
    try {
      this.#take(await this.#session.request(method, `/api/faults/${id}`, body));
    } catch (error) {
      // It may have ended by itself just now: that is no problem.
      if (method === "DELETE" && error.status === 409) await this.#ask();
      else this.refuse(error.detail || error.message);
    } finally {
      this.#isChanging = false;
    }
  }

  async #takeFrame(frame) {
    const isLive = this.#session.state.moment === null && this.hasCatalogue;
    this.hasLoad = frame.load !== null;
    this.others = frame.faults.filter((one) => !isLive || one.by !== "console");
    const isOpen = this.running || this.last?.watched || frame.faults.some((one) => one.by === "console");
    if (isLive && !this.faults.length) await this.#loadFirst();
    else if (isLive && isOpen && !this.#isAsking && !this.#isChanging) await this.#ask();
    else this.emit("change");
  }

  async #ask() {
    this.#isAsking = true;
    const changes = this.#changes;
    try {
      const current = await this.#session.request("GET", "/api/faults/current");
      // After a change it says how it was before.
      if (changes === this.#changes) this.#take(current);
    } catch {
      // The next frame asks again.
    } finally {
      this.#isAsking = false;
    }
  }

  #take({ running, last, max_seconds: maxSeconds }) {
    const wasSeen = this.running?.seen_after ?? null;
    const wasOpen = this.running || this.last?.watched;
    // What was refused because of it may be possible now.
    if (running?.fault !== this.running?.fault) this.problem = "";
    Object.assign(this, { running, last, maxSeconds });
    if (running && running.seen_after !== null && wasSeen === null) announce(symptomSentence(this));
    if (wasOpen && last && !last.watched) announce(last.sentence);
    this.emit("change");
  }
}

/** The words of the off switch. A process that was killed comes back by itself. */
export function offWords(fault, running) {
  return `${fault?.instant ? "Restarts" : "End"} · ${Math.ceil(running.seconds_left)} s`;
}

/** Seen after 0.8 s: Calls of the storefront to the cart fail: 3.4/s (before: 0/s). */
export function symptomSentence(model) {
  const { sentence, unit } = model.fault(model.running.fault).symptom;
  const { after, value, before } = model.running.symptom;
  return `Seen after ${after.toFixed(1)} s: ${sentence.replace(/\.$/, "")}: ${figure(value, unit)} (before: ${figure(before, unit)}).`;
}

/** A measured value with its unit. */
export function figure(value, unit) {
  if (value === null || value === undefined) return "nothing";
  return unit.trim() === "s" ? duration(value) : `${number(value)}${unit}`;
}
