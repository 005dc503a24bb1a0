/** Presenter mode: larger type, and one scene at a time. */

import { announce } from "./announce.js";
import { key } from "./keys.js";

/** By the keys 1 to 6; the last ones are only of a shop that runs here. */
const SCENES = [
  ["poster", "the load and the autoscaler"],
  ["both", "the map beside the autoscaler"],
  ["map", "the map"],
  ["autoscaler", "the autoscaler"],
  ["load", "the load"],
  ["faults", "what can be broken"],
];

const SCENES_OF_ALL = 4;

export function start({ info }) {
  key("p", "Presenter mode", toggle);
  const scenes = info.mode === "local" ? SCENES : SCENES.slice(0, SCENES_OF_ALL);
  scenes.forEach(([scene, words], index) => {
    key(String(index + 1), `In presenter mode: ${words}`, () => {
      if (document.documentElement.dataset.scene) show(scene, words);
    });
  });
  key("Escape", "Leave presenter mode", leave);
}

export function toggle() {
  if (document.documentElement.dataset.scene) leave();
  else show(...SCENES[0]);
}

function show(scene, words) {
  document.documentElement.dataset.scene = scene;
  announce(`Presenter mode: ${words}`);
  window.dispatchEvent(new Event("resize"));
}

function leave() {
  if (!document.documentElement.dataset.scene) return;
  delete document.documentElement.dataset.scene;
  window.dispatchEvent(new Event("resize"));
}
