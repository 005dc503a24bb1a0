/** The header: what happens in words, and whether the page is live. */

import { announce } from "./announce.js";
import { h, setText, setTextWithCode, svg } from "./dom.js";
import { key, showKeys } from "./keys.js";
import * as presenter from "./presenter.js";
import { clock, dateAndClock } from "./times.js";

const MINUTES_SAVED = 15;

export function mount(root, session) {
  const headline = h("h1", {}, "Connecting …");
  const connection = h("span", { class: "connection" });
  root.replaceChildren(brand(), headline, h("nav", { "aria-label": "Console" }, connection, ...buttons(session)));
  const say = (text) => {
    if (headline.textContent !== text) announce(text, "headline");
    setText(headline, text);
    headline.title = text;
    headline.style.setProperty("--letters", text.length);
    document.title = `${text} · Cartwheel`;
  };
  session.on("frame", (frame) => say(frame.headline || frame.problem || "No service is known yet"));
  const banner = h("div", { class: "banner", role: "status", hidden: true }, h("p"));
  root.after(banner);
  const show = () => {
    showConnection(connection, session.state);
    showBanner(banner, session);
    if (session.state.connection === "lost") say("No connection to the console");
  };
  session.on("state", show);
  show();
}

function brand() {
  const spokes = Array.from({ length: 8 }, (_, i) => svg("path", { d: "M16 12V3", transform: `rotate(${45 * i} 16 16)` }));
  const wheel = svg("svg", { viewBox: "0 0 32 32", fill: "none", stroke: "currentColor", "stroke-width": 2.5, "aria-hidden": "true", class: "bad" },
    svg("circle", { cx: 16, cy: 16, r: 13 }), svg("circle", { cx: 16, cy: 16, r: 3.5 }), spokes);
  return h("span", { class: "brand" }, wheel, h("span", { class: "optional" }, "Cartwheel"));
}

function buttons(session) {
  const shop = session.info.shop_url && h("a", { class: "button plain optional", href: session.info.shop_url, target: "_blank", rel: "noopener" }, "Shop ↗");
  const save = session.info.mode === "local" && h("button", { type: "button", class: "optional", title: `The last ${MINUTES_SAVED} minutes as one file`, onclick: () => saveSession(session) }, "Save session");
  const present = h("button", { type: "button", class: "optional", onclick: presenter.toggle }, "Present ", h("kbd", {}, "P"));
  const help = h("button", { type: "button", "aria-label": "List the keys", onclick: showKeys }, "?");
  key("d", "Light or dark", toggleTheme);
  return [shop, save, present, help];
}

/** A link to the file; the server names it. */
function saveSession(session) {
  const to = session.state.moment ?? Date.now() / 1000;
  const link = h("a", { href: `/api/recording?from=${to - 60 * MINUTES_SAVED}&to=${to}`, download: "" });
  link.click();
}

function toggleTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
}

function showConnection(node, { connection, moment }) {
  const [sign, words, tone] = moment !== null ? ["◷", "Replay", "waiting"]
    : connection === "live" ? ["●", "Live", "good"]
    : connection === "lost" ? ["✗", "No connection", "bad"] : ["○", "Connecting", "quiet"];
  node.className = `connection ${tone}`;
  setText(node, `${sign} ${words}`);
}

function showBanner(banner, session) {
  const text = bannerText(session);
  banner.hidden = !text;
  banner.classList.toggle("lost", session.state.connection === "lost");
  setTextWithCode(banner.firstChild, text);
}

function bannerText({ info, state }) {
  if (state.connection === "lost") {
    return `No connection since ${clock(state.since)}: what you see is old. If the shop has stopped, start it: make up`;
  }
  if (info.mode === "recording") return `A recording: ${info.title}. Nothing can be changed.`;
  if (info.mode === "cluster") return `${info.title}. ${state.reason}`;
  if (state.moment !== null) return `You see ${dateAndClock(state.moment)}. The shop goes on.`;
  return state.reason || "";
}
