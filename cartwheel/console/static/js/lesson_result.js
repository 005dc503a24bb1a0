/** A lesson while it runs, and what became of it. */

import { copyButton } from "./clipboard.js";
import { h, setAttribute, setText } from "./dom.js";
import { figure } from "./faults_model.js";
import { ANSWERS } from "./lesson_views.js";
import { duration } from "./numbers.js";

const PHASES = [
  ["starting", "Shoppers come"],
  ["usual", "See what is usual"],
  ["broken", "Broken now"],
  ["recovering", "Until all is as before"],
  ["checking", "Was anything lost?"],
];
/** At least and at most such a share of good responses is "as before" and "no". */
const MOST = 0.95, FEW = 0.05;

export function runView({ lesson, stop }) {
  const steps = PHASES.map(([phase, words]) => ({ phase, node: h("li", {}), words }));
  const seen = h("p", { class: "good" });
  const button = h("button", { type: "button", onclick: () => stop(button) }, "End it now");
  const nodes = [
    h("p", {}, lesson.breaks),
    h("h3", {}, "Watch"),
    h("p", {}, lesson.watch.sentence),
    h("ol", { class: "lesson-steps" }, steps.map(({ node }) => node)),
    seen,
    h("p", { class: "lesson-foot" }, button),
  ];
  return { nodes, update: (run) => update(run, steps, seen) };
}

function update(run, steps, seen) {
  const current = steps.findIndex(({ phase }) => phase === run.phase);
  steps.forEach(({ node, words, phase }, index) => {
    const sign = index < current ? "✓" : index === current ? "▸" : "○";
    const left = phase === "broken" && index === current ? ` · ${secondsLeft(run)} s` : "";
    setText(node, `${sign} ${words}${left}`);
    setAttribute(node, "aria-current", index === current ? "step" : null);
  });
  setText(seen, run.seen ? `✓ Seen after ${run.seen.after.toFixed(1)} s.` : "");
}

function secondsLeft(run) {
  return Math.max(0, Math.ceil(run.injected_at + run.seconds - Date.now() / 1000));
}

export function resultView({ lesson, run, answers, again, next, isLast }) {
  const result = run.result;
  const fault = result?.faults[0];
  return [
    h("p", { class: "lesson-verdict" }, verdict(run)),
    fault && !fault.problem && [
      expectations(lesson, fault, answers),
      h("h3", {}, "What happened"),
      h("ul", { class: "lesson-grade" }, gradeOf(lesson, fault, result).map(gradeLine)),
      h("h3", {}, "Why"),
      h("p", {}, `${lesson.response} ${lesson.why}`),
    ],
    h("h3", {}, "In the code"),
    h("ul", { class: "lesson-code" }, lesson.code.map((one) => h("li", {}, h("code", {}, one.file), `: ${one.what} (`, h("code", {}, one.look_for), ")"))),
    h("h3", {}, "In a terminal"),
    h("p", { class: "lesson-command" }, h("code", {}, run.command), " ", copyButton("Copy", () => run.command, { class: "plain" })),
    h("p", { class: "lesson-foot" },
      h("button", { type: "button", class: "primary", onclick: next }, isLast ? "All lessons" : "Next lesson"),
      h("button", { type: "button", onclick: again }, "Once more")),
  ];
}

function verdict({ result, problem }) {
  if (!result) return signed("✗", "bad", problem);
  const fault = result.faults[0];
  if (fault?.problem) return signed("✗", "bad", `It did not begin: ${fault.problem}`);
  if (result.interrupted) return signed("·", "quiet", "Ended early: this is what was measured until then.");
  return result.passed ? signed("✓", "good", "All went as it must.") : signed("✗", "bad", "Not all held. A busy machine needs longer to recover.");
}

/** One's own answers beside what was measured. */
function expectations(lesson, fault, answers) {
  const rows = lesson.questions.map(({ probe, question }) => {
    const measured = answerOf(fault.probes[probe]);
    const given = answers[probe];
    const words = (value) => ANSWERS.find(([one]) => one === value)?.[1] ?? "Not measured";
    const mine = !given ? "" : given === measured ? " As you expected." : ` You expected: ${words(given).toLowerCase()}.`;
    const { sent = 0, ok = 0 } = fault.probes[probe] ?? {};
    return h("li", {}, h("span", {}, question), " ", h("strong", {}, `${words(measured)}: ${ok} of ${sent}.`), mine);
  });
  return [h("h3", {}, "Your question"), h("ul", { class: "lesson-answers" }, rows)];
}

function answerOf(probe) {
  if (!probe?.sent) return null;
  const share = probe.ok / probe.sent;
  return share >= MOST ? "yes" : share <= FEW ? "no" : "some";
}

/** Lines of [held, sentence]; held is null where nothing had to hold. */
function gradeOf(lesson, fault, result) {
  const { symptom, recovery, holds, probes } = fault;
  const seen = symptom.after === null ? "Not seen" : `Seen after ${symptom.after.toFixed(1)} s`;
  const values = `${figure(symptom.value, lesson.unit)} (before: ${figure(symptom.before, lesson.unit)})`;
  const lines = [[symptom.passed, `${seen} (at most ${symptom.within} s): ${symptom.sentence} Measured: ${values}.`]];
  holds.forEach((hold, index) => {
    const { ok, sent, slowest } = probes[hold.probe];
    lines.push([hold.passed, `${lesson.holds[index]} Measured: ${ok} of ${sent}, the slowest took ${duration(slowest)}.`]);
  });
  const since = lesson.instant ? "the kill" : "its end";
  const back = recovery.seconds === null ? "Not as before in time" : `As before ${recovery.seconds.toFixed(1)} s`;
  lines.push([recovery.passed, `${back} after ${since} (at most ${recovery.within} s).`]);
  lines.push(lossOf(result));
  return lines;
}

function lossOf({ checks, problem }) {
  if (!checks) return [false, `Not checked: ${problem}`];
  const counts = Object.entries(checks.operations).map(([outcome, number]) => `${number} ${outcome}`).join(", ");
  if (checks.passed) return [true, `Nothing was lost, doubled or oversold: ${counts}; ${Object.keys(checks.checks).length} checks.`];
  return [false, checks.findings[0]?.sentence ?? `Not decided: ${checks.undecided[0]}`];
}

function gradeLine([held, sentence]) {
  return h("li", {}, signed(held ? "✓" : "✗", held ? "good" : "bad", sentence));
}

/** A sign and a sentence: never a colour alone. */
function signed(sign, tone, sentence) {
  const word = sign === "✓" ? "Held: " : sign === "✗" ? "Not held: " : "";
  return [h("span", { class: tone, "aria-hidden": "true" }, `${sign} `), h("span", { class: "visually-hidden" }, word), h("span", {}, sentence)];
}
