/** The fields of an autoscaler as a form: built from values, read back, with errors beside them. */

import { h } from "./dom.js";

/** Allowed by Kubernetes. */
const RANGES = {
  target: { min: 0.001, max: null },
  replicas: { min: 0, max: 1000 },
  stabilization_window_seconds: { min: 0, max: 3600 },
  tolerance: { min: 0, max: 1 },
  value: { min: 1, max: 1000 },
  period_seconds: { min: 1, max: 1800 },
};
const SELECT = [["Max", "the largest change"], ["Min", "the smallest change"], ["Disabled", "no change at all"]];
const TYPES = [["Pods", "replicas"], ["Percent", "percent"]];
const NEW_POLICY = { type: "Pods", value: 1, period_seconds: 15 };
/** What Kubernetes does without rules of one's own. */
const DEFAULT_RULES = {
  scale_up: { stabilization_window_seconds: 0, select_policy: "Max", policies: [{ type: "Pods", value: 4, period_seconds: 15 }, { type: "Percent", value: 100, period_seconds: 15 }] },
  scale_down: { stabilization_window_seconds: 300, select_policy: "Max", policies: [{ type: "Percent", value: 100, period_seconds: 15 }] },
};

/**
 * @typedef {{stabilization_window_seconds: number|null, tolerance?: number|null, select_policy: string, policies: {type: string, value: number, period_seconds: number}[]}} Rules
 * @typedef {{target: number, min: number, max: number, scale_up: Rules|null, scale_down: Rules|null}} Fields
 */
export class FieldsForm {
  /** @param {() => void} onEdit called after each edit */
  constructor(onEdit) {
    this.onEdit = onEdit;
    this.all = h("p", { class: "problem", role: "alert", hidden: true });
    this.content = h("fieldset", { class: "all-fields" });
    this.node = h("form", { novalidate: true, onsubmit: (event) => event.preventDefault() }, this.all, this.content);
    this.node.addEventListener("input", () => this.onEdit());
  }

  /**
   * @param {Fields|null} fields null: they cannot be edited
   * @param {{unit: string, maxReplicas?: number}} options the unit of the target, and how many run here
   */
  show(fields, options) {
    this.options = options;
    this.fields = structuredClone(fields);
    this.clearProblems();
    if (!fields) {
      this.content.replaceChildren();
      return;
    }
    const replicas = { ...RANGES.replicas, max: options.maxReplicas ?? RANGES.replicas.max };
    this.content.replaceChildren(
      h("div", { class: "field-row" },
        numberField("target", "Target", fields.target, { ...RANGES.target, step: "any" }, options.unit),
        numberField("min", "Min", fields.min, replicas),
        numberField("max", "Max", fields.max, { ...replicas, min: 1 })),
      this.#rules("scale_up", "Scale up"),
      this.#rules("scale_down", "Scale down"));
  }

  setDisabled(isDisabled) {
    this.content.disabled = isDisabled;
  }

  /** @returns {Fields} an empty field is null */
  read() {
    const value = (name) => numberOf(this.node.elements[name]?.value);
    return { ...this.fields, target: value("target"), min: value("min"), max: value("max"), scale_up: this.#readRules("scale_up"), scale_down: this.#readRules("scale_down") };
  }

  /** Beside the field that the server names; else above all. */
  showProblem(problem) {
    this.clearProblems();
    const input = problem.field && this.node.elements[problem.field.replaceAll(/\[(\d+)\]/g, ".$1")];
    if (!input) {
      this.all.hidden = false;
      this.all.textContent = problem.detail ?? String(problem);
      return;
    }
    const id = `problem-${input.name}`;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", `hint-${input.name} ${id}`);
    input.closest(".field, .policy").append(h("span", { class: "problem", id, role: "alert" }, problem.detail));
  }

  clearProblems() {
    this.all.hidden = true;
    for (const one of this.content.querySelectorAll(".problem")) one.remove();
    for (const one of this.content.querySelectorAll("[aria-invalid]")) {
      one.removeAttribute("aria-invalid");
      one.setAttribute("aria-describedby", `hint-${one.name}`);
    }
  }

  #readRules(direction) {
    if (!this.fields[direction]) return null;
    const value = (name) => this.node.elements[`${direction}.${name}`]?.value;
    return {
      ...this.fields[direction],
      stabilization_window_seconds: numberOf(value("stabilization_window_seconds")),
      tolerance: numberOf(value("tolerance")),
      select_policy: value("select_policy"),
      policies: this.fields[direction].policies.map((policy, index) => ({
        ...policy,
        type: value(`policies.${index}.type`),
        value: numberOf(value(`policies.${index}.value`)),
        period_seconds: numberOf(value(`policies.${index}.period_seconds`)),
      })),
    };
  }

  #rules(direction, title) {
    const rules = this.fields[direction];
    const change = (next) => this.#change(direction, next);
    if (!rules) {
      return h("fieldset", { class: "rules" }, h("legend", {}, title), h("p", { class: "quiet" }, "By the defaults of Kubernetes. "),
        h("button", { type: "button", onclick: () => change(() => DEFAULT_RULES[direction]) }, "Set rules"));
    }
    return h("fieldset", { class: "rules" }, h("legend", {}, title),
      h("div", { class: "field-row" },
        numberField(`${direction}.stabilization_window_seconds`, "Stabilization", rules.stabilization_window_seconds, RANGES.stabilization_window_seconds, "s"),
        numberField(`${direction}.tolerance`, "Tolerance", rules.tolerance, { ...RANGES.tolerance, step: "any", required: false }, "0.1 if empty"),
        selectField(`${direction}.select_policy`, "Of several policies, take", rules.select_policy, SELECT)),
      rules.policies.map((policy, index) => policyRow(`${direction}.policies.${index}`, policy, rules.policies.length > 1 && (() => change((now) => ({ ...now, policies: now.policies.filter((_, n) => n !== index) }))))),
      h("button", { type: "button", class: "plain", onclick: () => change((now) => ({ ...now, policies: [...now.policies, NEW_POLICY] })) }, "+ Add a policy"));
  }

  /** Make the form anew with other rules; what was typed stays. */
  #change(direction, next) {
    const now = this.read();
    this.show({ ...now, [direction]: structuredClone(next(now[direction])) }, this.options);
    this.onEdit();
  }
}

const numberOf = (text) => (text === undefined || text.trim() === "" ? null : Number(text));

function numberField(name, label, value, { min, max, step = 1, required = true }, unit = "") {
  const [id, hint] = [`field-${name}`, `hint-${name}`];
  const bounds = max === null ? "above 0" : `${min} to ${max}`;
  return h("div", { class: "field" },
    h("label", { for: id }, label),
    h("input", { id, name, type: "number", value: value ?? "", min, max, step, required, "aria-describedby": hint }),
    h("span", { class: "hint", id: hint }, [unit, bounds].filter(Boolean).join(", ")));
}

function selectField(name, label, value, options) {
  const id = `field-${name}`;
  return h("div", { class: "field" }, h("label", { for: id }, label), select(name, value, options, { id }));
}

function select(name, value, options, more) {
  return h("select", { name, ...more }, options.map(([option, words]) => h("option", { value: option, selected: option === value }, words)));
}

/** At most 5 replicas in 15 s. */
function policyRow(name, { type, value, period_seconds: period }, remove) {
  const number = (member, own, label) => h("input", { name: `${name}.${member}`, type: "number", value: own, ...RANGES[member], step: 1, required: true, "aria-label": label });
  return h("div", { class: "policy" },
    h("span", {}, "At most"), number("value", value, "Largest change"),
    select(`${name}.type`, type, TYPES, { "aria-label": "Unit of the change" }),
    h("span", {}, "in"), number("period_seconds", period, "Seconds"), h("span", {}, "s"),
    remove && h("button", { type: "button", class: "plain", "aria-label": "Remove this policy", onclick: remove }, "✕"));
}
