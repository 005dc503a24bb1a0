/** The session of a console that runs: frames come as server-sent events. */

import { Emitter } from "./emitter.js";
import { problemOf } from "./problem.js";

const TOKEN = "cartwheel-console-token";
const SILENCE = 5000;
const RETRY_DELAY = 2000;

/**
 * Events: `frame` (live, or of the moment that is shown), `mark`, `state`.
 * The state: `{connection: "connecting"|"live"|"lost", since, moment, canChange, reason}`. `since`
 * is when the connection was lost, `moment` the time that is shown, null for live; `reason` says
 * why nothing can be changed.
 */
class LiveSession extends Emitter {
  frame = null;
  #token = takeToken();
  #silence = 0;
  #wanted = null;

  constructor(info) {
    super();
    this.info = info;
    const reason = info.read_only_reason || (this.#token ? "" : NO_TOKEN);
    this.state = { connection: "connecting", since: null, moment: null, canChange: !reason, reason };
    if (info.mode === "recording") this.showMoment(info.start);
    else this.#connect();
  }

  /** Points and marks between two times. */
  history({ from, to, points = 600 }) {
    return this.request("GET", `/api/history?from=${from}&to=${to}&points=${points}`);
  }

  /** Why the autoscaler wanted its count at a time; null: now. */
  explanation(at = null) {
    return this.request("GET", `/api/explanation${at === null ? "" : `?at=${at}`}`);
  }

  /** Show the frame of an earlier time. While one is fetched, only the newest wish waits. */
  async showMoment(at) {
    this.#change({ moment: at });
    const isFetching = this.#wanted !== null;
    this.#wanted = at;
    if (isFetching) return;
    for (let next = at; this.#wanted !== null; next = this.#wanted) {
      await this.#fetchFrame(next);
      if (this.#wanted === next) this.#wanted = null;
    }
  }

  showLive() {
    if (this.info.mode === "recording") return;
    this.#change({ moment: null });
    if (this.frame) this.emit("frame", this.frame);
  }

  /** Throws a `Problem`. */
  async request(method, path, body) {
    const headers = { accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (method !== "GET" && this.#token) headers.authorization = `Bearer ${this.#token}`;
    const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      throw problemOf({ title: "The console does not respond. Does the shop still run?", status: 0 });
    }
    const isJson = response.headers.get("content-type")?.includes("json");
    const found = isJson ? await response.json() : null;
    if (!response.ok) throw problemOf({ status: response.status, title: response.statusText, ...found });
    return found;
  }

  async #fetchFrame(at) {
    try {
      const frame = await this.request("GET", `/api/frames?at=${at}`);
      if (this.state.moment !== null) this.emit("frame", frame);
    } catch (error) {
      console.error(error);
    }
  }

  #connect() {
    const stream = new EventSource("/api/stream");
    stream.addEventListener("frame", (event) => {
      this.#hear();
      this.frame = JSON.parse(event.data);
      if (this.state.moment === null) this.emit("frame", this.frame);
    });
    stream.addEventListener("mark", (event) => this.emit("mark", JSON.parse(event.data)));
    stream.addEventListener("error", () => {
      this.#lose();
      // The browser gives up after a refusal, a full console for example.
      if (stream.readyState === EventSource.CLOSED) setTimeout(() => this.#connect(), SILENCE);
    });
  }

  #hear() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(), SILENCE);
    this.#change({ connection: "live", since: null });
  }

  #lose() {
    if (this.state.connection !== "lost") this.#change({ connection: "lost", since: Date.now() / 1000 });
  }

  #change(changes) {
    const isNew = Object.entries(changes).some(([name, value]) => this.state[name] !== value);
    if (!isNew) return;
    this.state = { ...this.state, ...changes };
    this.emit("state", this.state);
  }
}

const NO_TOKEN = "Read-only: open the link that `cartwheel status` prints.";

/** The token comes in the fragment, which no server sees, and leaves the address at once. */
function takeToken() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) {
    sessionStorage.setItem(TOKEN, found);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(TOKEN);
}

/** The console may just be starting: it is asked until it responds. */
export async function openLiveSession() {
  for (;;) {
    try {
      const response = await fetch("/api/session");
      if (response.ok) return new LiveSession(await response.json());
    } catch {
      // Tried again.
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY));
  }
}
