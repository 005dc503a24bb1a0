/** Whether the page shows tables in place of its pictures; one key changes it for all panels. */

import { announce } from "./announce.js";
import { Emitter } from "./emitter.js";
import { key } from "./keys.js";

const emitter = new Emitter();
let isShown = false;

export const areShown = () => isShown;

/** @param {(isShown: boolean) => void} listener called at each change */
export const onChange = (listener) => emitter.on("change", listener);

export function toggle() {
  isShown = !isShown;
  document.documentElement.toggleAttribute("data-tables", isShown);
  announce(isShown ? "Tables are shown" : "Pictures are shown");
  emitter.emit("change", isShown);
}

key("t", "Tables or pictures", toggle);
