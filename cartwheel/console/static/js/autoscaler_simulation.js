/** What an edited autoscaler would have done: two small charts, now and edited, and sentences. */

import { countSteps } from "./chart_path.js";
import { roundUp } from "./chart_scale.js";
import { h, svg } from "./dom.js";
import { clock } from "./times.js";

const [WIDTH, HEIGHT] = [320, 64];

/** @returns {Node[]} of the answer of `/api/autoscaler/simulation` */
export function simulationView({ now, edited, sentences, ...answer }) {
  const runs = [now, edited];
  const times = runs.flatMap((run) => run.replicas.map(([at]) => at));
  const span = { start: answer.start ?? Math.min(...times), end: answer.end ?? Math.max(...times) };
  const top = roundUp(1.1 * Math.max(...runs.flatMap((run) => run.replicas.map(([, count]) => count))));
  return [
    h("p", { class: "comparison" }, sentences.map((one) => one.text ?? one).join(" ")),
    ...[["As it is in force", now], ["As edited", edited]].map(([title, run]) => runView(title, run, { ...span, top })),
    h("p", { class: "quiet" }, `Simulated with the load from ${clock(span.start)} to ${clock(span.end)}; not measured.`),
  ];
}

function runView(title, run, { start, end, top }) {
  const counts = run.replicas.map(([, count]) => count);
  const peak = Math.max(...counts);
  const view = { start, end, top, width: WIDTH, height: HEIGHT };
  const words = `${title}: ${counts[0]} to ${counts.at(-1)} replicas, at most ${peak}, ${run.changes.length} changes`;
  return h("figure", { class: "simulated" },
    h("figcaption", {}, h("b", {}, title), ` at most ${peak}, ${run.changes.length === 1 ? "1 change" : `${run.changes.length} changes`}`),
    svg("svg", { viewBox: `0 -2 ${WIDTH} ${HEIGHT + 4}`, preserveAspectRatio: "none", role: "img", "aria-label": words },
      svg("path", { class: "grid", d: `M0 ${HEIGHT}H${WIDTH}` }),
      svg("path", { class: "series ready", d: countSteps(run.ready, view) }),
      svg("path", { class: "series desired", d: countSteps(run.replicas, view) })),
    h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, clock(start).slice(0, 5)), h("span", {}, `${counts.at(-1)} at the end`), h("span", {}, clock(end).slice(0, 5))));
}
