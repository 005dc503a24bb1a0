/** Rates on the scale of the dial, and in words. Nothing here touches the page. */

/** The part of the scale at its left end that means 0. */
const OFF = 0.05;
const STEPS = [[10, 1], [50, 2], [100, 5], [200, 10], [Infinity, 20]];

/** Where a rate is on the scale, from 0 to 1: logarithmic from 1 on. */
export function positionOf(rate, max) {
  if (rate < 1) return 0;
  return Math.min(OFF + (1 - OFF) * (Math.log(rate) / Math.log(max)), 1);
}

/** The rate at a position, rounded to what one can read. */
export function rateAt(position, max) {
  if (position < OFF / 2) return 0;
  const rate = Math.exp((Math.max(position - OFF, 0) / (1 - OFF)) * Math.log(max));
  const step = stepAt(rate);
  return Math.min(Math.max(Math.round(rate / step) * step, 1), max);
}

/** The next rate up (1) or down (-1). */
export function nextRate(rate, direction, max) {
  const step = stepAt(direction > 0 ? rate : rate - 0.001);
  const next = direction > 0
    ? Math.floor(rate / step + 1e-6) * step + step
    : Math.ceil(rate / step - 1e-6) * step - step;
  return Math.min(Math.max(next, 0), max);
}

function stepAt(rate) {
  return STEPS.find(([below]) => rate < below)[1];
}

/** The numbers under the scale. */
export function ticks(max) {
  return [0, 1, 10, 100, max].filter((rate) => rate <= max);
}

/**
 * Where the number of replicas changes: the rate that each number of them serves at the target.
 * None if the metric does not tell, or the scenario sends something else than the service counts.
 */
export function replicaMarks(autoscaler, scenario) {
  const each = perReplica(autoscaler);
  if (!each || scenario !== "cart-add") return [];
  const numbers = Array.from({ length: autoscaler.max }, (_, index) => index + 1);
  return numbers.map((replicas) => ({ rate: replicas * each, replicas }));
}

function perReplica(autoscaler) {
  if (!autoscaler?.capacity || !autoscaler.ready) return null;
  return autoscaler.capacity / autoscaler.ready;
}

/** 150 requests per second: the cart needs 8 replicas and may have 7. */
export function inWords(rate, marks) {
  if (rate < 1) return "Off";
  const words = `${rate} ${rate === 1 ? "request" : "requests"} per second`;
  if (!marks.length) return words;
  const most = marks.at(-1).replicas;
  const needed = Math.ceil(rate / marks[0].rate - 1e-6);
  const replicas = `${needed} ${needed === 1 ? "replica" : "replicas"}`;
  return `${words}: needs ${replicas}${needed > most ? ` and may have ${most}` : ""}`;
}
