/** Change the autoscaler: edit, try, apply, pause, and go back to the file. */

import { announce } from "./announce.js";
import { FieldsForm } from "./autoscaler_fields.js";
import { manifestBox, showManifest } from "./autoscaler_manifest.js";
import { simulationView } from "./autoscaler_simulation.js";
import { copyButton } from "./clipboard.js";
import { h, setText } from "./dom.js";
import { Drawer } from "./drawer.js";
import { clock } from "./times.js";

const PATH = "/api/autoscaler";
const DELAY = 250;
const CHANGED = "Not in force: somebody has changed the autoscaler meanwhile. What you typed is still here: copy it to keep it, then load what is in force. ";
/** Seconds of load that a simulation takes. */
const SIMULATED = 300;

export class Changes {
  #timer = 0;
  #previews = 0;
  isPaused = false;
  hasAutoscaler = true;

  constructor(session) {
    this.session = session;
    this.pause = h("button", { type: "button", onclick: () => this.#pause() }, "Pause");
    this.edit = h("button", { type: "button", onclick: () => this.open() }, "Edit ", h("kbd", {}, "E"));
    this.buttons = [this.pause, this.edit];
    this.drawer = new Drawer({ name: "changes" });
    this.form = new FieldsForm(() => this.#edited());
    this.text = h("textarea", { "aria-label": "The whole manifest", spellcheck: "false", hidden: true, oninput: () => this.#edited() });
    this.asText = h("button", { type: "button", class: "plain", "aria-pressed": "false", onclick: () => this.#switch() }, "Edit the YAML");
    this.manifest = manifestBox("YAML with the changed lines marked");
    this.simulated = h("section", { class: "simulation", "aria-live": "polite", hidden: true });
    this.summary = h("h3", {}, "As YAML");
    this.reason = h("p", { class: "waiting", hidden: true });
    this.result = h("p", { class: "result", role: "status" });
    this.drawer.tools.append(this.asText);
    this.apply = h("button", { type: "button", class: "primary", onclick: () => this.#apply() }, "Apply");
    this.try = h("button", { type: "button", onclick: () => this.#simulate() }, "What would it have done?");
    this.copy = copyButton("Copy as YAML", () => this.edited ?? "");
    this.restore = h("button", { type: "button", onclick: () => this.#restore() }, "Back to the file");
    this.conflict = h("p", { class: "conflict waiting", role: "alert", hidden: true }, CHANGED,
      h("button", { type: "button", onclick: () => this.#load() }, "Load what is in force"));
    this.drawer.body.append(
      h("div", { class: "fields" }, this.reason, this.form.node, this.text),
      h("section", { class: "outcome", tabindex: 0, "aria-label": "Outcome" }, this.simulated, this.summary, this.manifest),
      h("div", { class: "actions" }, this.conflict, this.apply, this.try, this.copy, this.restore, this.result));
    this.update();
  }

  /** What is typed in a form that is open already stays. */
  async open() {
    if (this.drawer.isOpen && this.edited) return this.drawer.title.focus();
    setText(this.drawer.title, "Change the autoscaler");
    this.text.hidden = true;
    this.asText.hidden = !this.session.info.parts.autoscaler;
    this.#forget();
    this.drawer.open();
    return this.session.info.parts.autoscaler ? this.#load() : this.#showRecorded();
  }

  /** Before it is read, nothing is there that somebody could change in vain. */
  #forget() {
    this.inForce = this.original = this.edited = undefined;
    this.form.show(null);
    this.manifest.replaceChildren();
    this.simulated.hidden = this.asText.disabled = true;
    this.#clear();
    this.update();
  }

  #load() {
    return this.#send("GET", PATH, undefined, (found) => {
      this.simulated.hidden = true;
      this.#show(found);
    });
  }

  /** What was said of the edits, and previews of them that are on their way. */
  #clear() {
    this.#previews += 1;
    this.conflict.hidden = true;
    setText(this.result, "");
    setText(this.summary, "As YAML");
  }

  close() {
    this.drawer.close();
  }

  /** What the frame says of it. */
  follow({ autoscaler }) {
    const [has, isPaused] = [Boolean(autoscaler), autoscaler?.is_paused ?? false];
    if (has === this.hasAutoscaler && isPaused === this.isPaused) return;
    this.hasAutoscaler = has;
    this.isPaused = isPaused;
    this.update();
  }

  /** Buttons that can do nothing say why. */
  update() {
    const { info, state } = this.session;
    const isPast = state.moment !== null;
    const why = state.reason || info.read_only_reason || (!info.parts.autoscaler && "The autoscaler cannot be changed here.")
      || (isPast && "You see the past. Go back to live to change the autoscaler.") || "";
    const cannot = !state.canChange || Boolean(why);
    for (const one of this.buttons) one.hidden = !this.hasAutoscaler || state.moment !== null;
    setText(this.pause, this.isPaused ? "Resume" : "Pause");
    this.pause.classList.toggle("primary", this.isPaused);
    this.pause.title = cannot ? why : this.isPaused ? "Let it decide again" : "It keeps its count until you resume it";
    this.edit.title = cannot ? why : "";
    for (const one of [this.pause, this.apply, this.try, this.restore]) one.disabled = cannot;
    const isUnread = this.inForce === undefined;
    for (const one of [this.apply, this.try]) one.disabled ||= isUnread;
    this.restore.disabled ||= this.original === this.inForce;
    this.copy.disabled = !this.edited;
    this.form.setDisabled(cannot);
    this.text.disabled = cannot;
    // The line below the header has it already.
    this.reason.hidden = !cannot || why === state.reason;
    setText(this.reason, why);
  }

  #show({ manifest, fields, problem, original, unit, limits }) {
    this.#clear();
    this.inForce = manifest;
    this.original = original;
    this.edited = manifest;
    this.form.show(fields, { unit, maxReplicas: limits?.replicas });
    this.text.value = manifest;
    this.asText.disabled = !fields;
    this.#showEditor(!fields || !this.text.hidden);
    if (!fields) this.form.showProblem({ detail: problem });
    showManifest(this.manifest, manifest);
    this.update();
  }

  /** Where nothing can be changed, the YAML of the moment is still there to be read and copied. */
  async #showRecorded() {
    try {
      const { manifest, notes } = await this.session.explanation(this.session.state.moment);
      this.edited = manifest;
      showManifest(this.manifest, manifest);
      this.update();
      if (!manifest && notes.length) this.form.showProblem({ detail: notes[0] });
    } catch (problem) {
      this.form.showProblem(problem);
    }
  }

  /** From the fields to the whole manifest, which has their edits, or back to the fields. */
  #switch() {
    const isText = this.text.hidden;
    if (isText) this.text.value = this.edited;
    this.#showEditor(isText);
    this.#preview();
  }

  #showEditor(isText) {
    this.text.hidden = !isText;
    this.form.content.hidden = isText;
    this.asText.setAttribute("aria-pressed", String(isText));
  }

  get #edit() {
    return this.text.hidden ? { fields: this.form.read() } : { manifest: this.text.value };
  }

  #edited() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#preview(), DELAY);
  }

  #preview() {
    const preview = (this.#previews += 1);
    return this.#send("POST", `${PATH}/preview`, this.#edit, ({ manifest, changes }) => {
      if (preview !== this.#previews) return;
      setText(this.summary, changes ? `As YAML: ${changes}` : "As YAML");
      this.form.clearProblems();
      this.edited = manifest;
      showManifest(this.manifest, manifest, this.inForce);
    });
  }

  async #apply() {
    try {
      this.#show(await this.session.request("PUT", PATH, { ...this.#edit, made_from: this.inForce }));
      this.#say(`In force since ${clock(Date.now() / 1000)}: its mark is in the charts.`);
    } catch (problem) {
      this.#refuse(problem);
      if (problem.status === 409) await this.#offerNewest();
    }
  }

  /** If another page has changed it, what was typed stays until somebody asks for what is in force. */
  async #offerNewest() {
    await this.#send("GET", PATH, undefined, ({ manifest }) => {
      if (manifest === this.inForce) return;
      this.form.clearProblems();
      this.conflict.hidden = false;
    });
  }

  #restore() {
    return this.#send("PUT", PATH, { manifest: this.original }, (found) => {
      this.#show(found);
      this.#say("As in the file again.");
    });
  }

  async #simulate() {
    this.simulated.hidden = false;
    this.simulated.replaceChildren(h("p", { class: "quiet" }, "Simulating the load of the last minutes …"));
    const body = { ...this.#edit, seconds: SIMULATED };
    const isDone = await this.#send("POST", `${PATH}/simulation`, body, (found) => this.simulated.replaceChildren(h("h3", {}, "What would it have done?"), ...simulationView(found)));
    if (!isDone) this.simulated.hidden = true;
  }

  async #pause() {
    const wanted = this.isPaused ? "resume" : "pause";
    await this.#send("POST", `${PATH}/${wanted}`, undefined, ({ manifest }) => {
      this.inForce = manifest;
      this.isPaused = wanted === "pause";
      announce(this.isPaused ? "The autoscaler is paused" : "The autoscaler decides again");
      this.update();
    });
  }

  #say(words) {
    setText(this.result, words);
  }

  /** @returns whether it went well; else the problem stands beside its field */
  async #send(method, path, body, onSuccess) {
    try {
      onSuccess(await this.session.request(method, path, body));
      return true;
    } catch (problem) {
      this.#refuse(problem);
      return false;
    }
  }

  #refuse(problem) {
    this.form.showProblem(problem);
    if (!this.drawer.isOpen) announce(problem.detail ?? String(problem));
  }
}
