/** A lesson before it begins: the path, and the question. */

import { h } from "./dom.js";

/** What one may expect of a probe, by its share of good responses. */
export const ANSWERS = [["yes", "Yes, as before"], ["some", "Sometimes"], ["no", "No"]];

export function pathView({ lessons, progress, open, reset }) {
  const done = lessons.filter(({ id }) => progress[id]).length;
  const next = lessons.find(({ id }) => !progress[id]);
  return [
    h("p", {}, "Each asks a question, breaks the shop for a few seconds, and grades what happened. Shoppers are brought along, so a load of your own makes it harder to pass; nothing stays broken."),
    h("ol", { class: "lesson-path" }, lessons.map((lesson) => h("li", {},
      h("button", { type: "button", class: lesson === next ? "primary" : "", onclick: () => open(lesson) },
        h("span", { class: "lesson-done", "aria-hidden": "true" }, progress[lesson.id] ? "✓" : "○"),
        h("span", {},
          h("span", { class: "visually-hidden" }, progress[lesson.id] ? "Done: " : "Not done: "),
          lesson.title,
          h("small", {}, lesson.breaks)))))),
    h("p", { class: "lesson-foot quiet" },
      `${done} of ${lessons.length} done. `,
      done > 0 && h("button", { type: "button", class: "plain", onclick: reset }, "Begin again")),
  ];
}

export function questionView({ lesson, number, of, reason, answer, start, back }) {
  return [
    h("p", { class: "quiet" }, `Lesson ${number} of ${of}`),
    h("p", { class: "lesson-idea" }, lesson.idea),
    h("h3", {}, "What do you expect meanwhile?"),
    lesson.questions.map(({ probe, question }) => choices(probe, question, answer)),
    h("h3", {}, "Watch"),
    h("p", {}, lesson.watch.sentence),
    h("p", { class: "lesson-reason problem", hidden: !reason }, reason),
    h("p", { class: "lesson-foot" },
      h("button", { type: "button", class: "primary", disabled: Boolean(reason), onclick: start }, "Break it and see"),
      h("button", { type: "button", onclick: back }, "All lessons")),
  ];
}

function choices(probe, question, answer) {
  return h("fieldset", {},
    h("legend", {}, question),
    ANSWERS.map(([value, words]) => h("label", {},
      h("input", { type: "radio", name: `lesson-${probe}`, value, onchange: () => answer(probe, value) }),
      ` ${words}`)));
}
