/** The session of an exported page, which has everything in itself: frames, charts, sentences. */

import { Emitter } from "./emitter.js";
import { problemOf } from "./problem.js";

const ELEMENT = "embedded-session";

/** What one can do is what `live_session.js` says; nothing here is live. */
class EmbeddedSession extends Emitter {
  frame = null;
  #data;

  constructor(data) {
    super();
    this.#data = data;
    this.info = data.info;
    const reason = data.info.read_only_reason;
    this.state = { connection: "live", since: null, moment: data.info.start, canChange: false, reason };
    this.frame = this.#frameAt(data.info.start);
    // The panels are there in a moment, and listen.
    setTimeout(() => this.#show(this.state.moment));
  }

  /** Points and marks between two times. */
  async history({ from, to }) {
    const { points, marks, metric, unit, info } = this.#data;
    const first = Math.max(after(points.at, from, (at) => at) - 1, 0);
    const last = after(points.at, to, (at) => at);
    const columns = Object.entries(points).map(([name, column]) => [name, column.slice(first, last)]);
    const inside = marks.filter((one) => one.at >= from && one.at <= to);
    return { points: Object.fromEntries(columns), marks: inside, metric, unit, start: info.start, end: info.end };
  }

  /** Why the autoscaler wanted its count at a time; null: at the end. */
  async explanation(at = null) {
    const { explanations, manifests } = this.#data;
    const index = after(explanations, at ?? Infinity, (one) => one.moment) - 1;
    if (index < 0) throw problemOf({ title: "No explanation", detail: "No autoscaler had decided anything by then.", status: 404 });
    const { manifest, ...explanation } = explanations[index];
    return { ...explanation, manifest: manifests[manifest] };
  }

  async showMoment(at) {
    this.#show(at);
  }

  showLive() {}

  /** Throws a `Problem`: there is no server. */
  async request() {
    throw problemOf({ title: "A saved session", detail: this.info.read_only_reason, status: 409 });
  }

  #show(at) {
    const isSame = this.state.moment === at;
    this.state = { ...this.state, moment: at };
    this.frame = this.#frameAt(at);
    if (!isSame) this.emit("state", this.state);
    this.emit("frame", this.frame);
  }

  /** The newest that is not later; before the first, the first. */
  #frameAt(at) {
    const { frames } = this.#data;
    return frames[Math.max(after(frames, at, (one) => one.at) - 1, 0)];
  }
}

/** How many of the items, which are in the order of time, are not later. */
function after(items, moment, timeOf) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(items[middle]) <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** In place of `session.js`. */
export async function openSession() {
  const bytes = Uint8Array.from(atob(document.getElementById(ELEMENT).textContent), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new EmbeddedSession(await new Response(stream).json());
}
