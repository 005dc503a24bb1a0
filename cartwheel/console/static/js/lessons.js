/** The lessons: a path of questions, each answered by breaking the shop. Progress stays in this browser. */

import { announce } from "./announce.js";
import { h } from "./dom.js";
import { Drawer } from "./drawer.js";
import { pathView, questionView } from "./lesson_views.js";
import { resultView, runView } from "./lesson_result.js";

const PROGRESS = "cartwheel-lessons";
const POLL = 500;

export class Lessons {
  #session;
  #model;
  #lessons = [];
  #shown = null;
  #answers = {};
  #run = null;
  #timer = 0;
  #isStarting = false;
  #isAsking = false;

  constructor(session, model) {
    this.#session = session;
    this.#model = model;
    this.drawer = new Drawer({ name: "lessons", over: ["autoscaler", "faults"], onClose: () => this.#watch(null) });
    model.on("change", () => this.drawer.isOpen && !this.#run && this.#updateReason());
  }

  async open() {
    this.#show("Lessons", []);
    this.drawer.open();
    const isRead = await this.#load();
    if (!isRead || !this.drawer.isOpen) return;
    if (this.#run && this.#run.phase !== "ended") this.#follow();
    else this.showPath();
  }

  /** All of them, with what was done. */
  showPath() {
    this.#shown = this.#run = null;
    this.#watch(null);
    this.#show("Lessons", pathView({
      lessons: this.#lessons,
      progress: progress(),
      open: (lesson) => this.showQuestion(lesson),
      reset: () => {
        localStorage.removeItem(PROGRESS);
        this.showPath();
      },
    }));
  }

  /** What it is about, and what one expects. */
  showQuestion(lesson) {
    this.#shown = lesson;
    this.#run = null;
    this.#answers = {};
    this.#watch(lesson);
    this.#show(lesson.title, questionView({
      lesson,
      number: this.#lessons.indexOf(lesson) + 1,
      of: this.#lessons.length,
      reason: this.#reason,
      answer: (probe, answer) => { this.#answers[probe] = answer; },
      start: () => this.#start(lesson),
      back: () => this.showPath(),
    }));
  }

  async #load() {
    try {
      const { lessons } = await this.#session.request("GET", "/api/lessons");
      this.#lessons = lessons;
      this.#run = await this.#session.request("GET", "/api/lessons/current");
      return true;
    } catch (error) {
      this.#show("Lessons", [h("p", { class: "problem", role: "alert" }, error.detail || error.message)]);
      return false;
    }
  }

  get #reason() {
    const { running, nameOf, reason } = this.#model;
    if (this.#shown?.problem) return this.#shown.problem;
    return running ? `End “${nameOf.call(this.#model, running.fault)}” first.` : reason;
  }

  #updateReason() {
    const node = this.drawer.body.querySelector(".lesson-reason");
    if (!node) return;
    const reason = this.#reason;
    node.hidden = !reason;
    node.textContent = reason;
    this.drawer.body.querySelector("button.primary").disabled = Boolean(reason);
  }

  async #start(lesson) {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      this.#run = await this.#session.request("POST", `/api/lessons/${lesson.id}`);
      announce(`${lesson.title}: it begins.`);
      this.#follow();
    } catch (error) {
      const problem = h("p", { class: "problem", role: "alert" }, error.detail || error.message);
      this.drawer.body.append(problem);
    } finally {
      this.#isStarting = false;
    }
  }

  async #stop(button) {
    button.disabled = true;
    try {
      this.#run = await this.#session.request("DELETE", "/api/lessons/current");
    } catch {
      // It has ended meanwhile.
    }
  }

  /** Show how far it is, until it has ended. */
  #follow() {
    const run = this.#run;
    const lesson = this.#lessons.find((one) => one.id === run.lesson);
    this.#shown = lesson;
    this.#watch(lesson);
    const view = runView({ lesson, stop: (button) => this.#stop(button) });
    this.#show(lesson.title, view.nodes);
    view.update(run);
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#ask(view, lesson), POLL);
  }

  async #ask(view, lesson) {
    if (this.#isAsking) return undefined;
    if (this.#run?.phase !== "ended") {
      this.#isAsking = true;
      try {
        this.#run = await this.#session.request("GET", "/api/lessons/current");
      } catch {
        return undefined; // the next look is a moment away
      } finally {
        this.#isAsking = false;
      }
    }
    if (this.#shown !== lesson || !this.#run) return clearInterval(this.#timer);
    if (this.#run.phase !== "ended") return view.update(this.#run);
    clearInterval(this.#timer);
    return this.#showResult(lesson, this.#run);
  }

  #showResult(lesson, run) {
    const isDone = Boolean(run.result?.faults.length) && !run.result.interrupted;
    if (isDone) keep(lesson.id);
    const next = this.#lessons[this.#lessons.indexOf(lesson) + 1];
    this.#show(lesson.title, resultView({
      lesson,
      run,
      answers: this.#answers,
      again: () => this.showQuestion(lesson),
      next: next ? () => this.showQuestion(next) : () => this.showPath(),
      isLast: !next,
    }));
    announce(`${lesson.title}: ${run.result?.passed ? "all went as it must" : "not all held"}.`);
  }

  #show(title, nodes) {
    this.drawer.title.textContent = title;
    this.drawer.body.replaceChildren(h("div", { class: "lesson" }, nodes.flat(Infinity)));
    this.drawer.body.scrollTop = 0;
    // Not away from what somebody does: only if what had the focus is gone.
    if (this.drawer.isOpen && document.activeElement === document.body) this.drawer.title.focus();
  }

  /** Have the map show what a lesson is about; null: nothing. */
  #watch(lesson) {
    document.dispatchEvent(new CustomEvent("cartwheel:watch", { detail: lesson?.watch ?? null }));
  }
}

function progress() {
  try {
    return JSON.parse(localStorage.getItem(PROGRESS)) ?? {};
  } catch {
    return {};
  }
}

function keep(id) {
  localStorage.setItem(PROGRESS, JSON.stringify({ ...progress(), [id]: true }));
}
