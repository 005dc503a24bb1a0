/** The slider of time: back to any moment of the session, and live again; replay at a speed. */

import { h, setText } from "./dom.js";
import { key } from "./keys.js";
import { clock, dateAndClock } from "./times.js";

const TICK = 250;
const SPEEDS = [1, 4, 16];
const RECORDING_SPEED = 4;
const STEP = 5;
const MAX_LIVE_SECONDS = 3600;

export function mount(root, session) {
  const slider = h("input", { type: "range", step: 1, "aria-label": "Moment that is shown" });
  const shown = h("time", {});
  const play = h("button", { type: "button", "aria-pressed": "false" }, "Play");
  const speed = h("select", { "aria-label": "Speed of the replay" }, SPEEDS.map((value) => h("option", { value }, `${value} ×`)));
  const live = h("button", { type: "button" }, "Live");
  root.append(play, speed, slider, shown, live);

  const isRecording = session.info.mode === "recording";
  if (isRecording) speed.value = RECORDING_SPEED;
  let hasPlayed = false;
  const end = () => (isRecording ? session.info.end : Date.now() / 1000);
  const start = () => Math.max(session.info.start ?? 0, end() - (isRecording ? Infinity : MAX_LIVE_SECONDS));
  let timer = 0;

  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.setAttribute("aria-pressed", "false");
    setText(play, "Play");
  };
  const showMoment = (at) => session.showMoment(Math.min(Math.max(at, start()), end()));
  const show = (at) => {
    if (at >= end() - 1 && !isRecording) {
      stop();
      session.showLive();
    } else {
      showMoment(at);
    }
  };
  const update = () => {
    const at = session.state.moment ?? end();
    slider.min = Math.floor(start());
    slider.max = Math.ceil(end());
    slider.value = session.state.moment === null && !isRecording ? slider.max : at;
    slider.setAttribute("aria-valuetext", dateAndClock(at));
    setText(shown, clock(at));
    live.hidden = isRecording;
    const isLive = session.state.moment === null;
    live.disabled = isLive;
    play.hidden = isLive;
    // What to do next with a recording that was just opened.
    play.classList.toggle("primary", isRecording && !hasPlayed);
    speed.hidden = isLive;
  };
  const advance = () => {
    const next = session.state.moment + (TICK / 1000) * Number(speed.value);
    if (next >= end()) stop();
    show(next);
  };
  const toggle = () => {
    if (session.state.moment === null) return false;
    if (timer) { stop(); return; }
    if (isRecording && session.state.moment >= end()) session.showMoment(start());
    hasPlayed = true;
    timer = setInterval(advance, TICK);
    play.setAttribute("aria-pressed", "true");
    setText(play, "Pause");
  };

  slider.addEventListener("input", () => {
    const at = Number(slider.value);
    // Back from live by one step of the keyboard is less than a second ago.
    if (at < Number(slider.max)) showMoment(at);
    else show(at);
  });
  play.addEventListener("click", toggle);
  live.addEventListener("click", () => { stop(); session.showLive(); });
  key(" ", "Play or pause a replay", toggle);
  key(",", `Back by ${STEP} seconds`, () => show((session.state.moment ?? end()) - STEP));
  key(".", `Forward by ${STEP} seconds`, () => session.state.moment !== null && show(session.state.moment + STEP));
  session.on("state", update);
  session.on("frame", update);
  update();
}
