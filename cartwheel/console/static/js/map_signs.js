/** Signs, drawn: no font has to know them. Each is about one em wide, around 0,0. */

import { svg } from "./dom.js";

const PATHS = {
  diamond: ["M0 -5L5 0L0 5L-5 0Z", true],
  cross: ["M-4 -4L4 4M4 -4L-4 4", false],
  bolt: ["M1.5 -6L-4 1H0L-1.5 6L4 -1H0Z", true],
  retry: ["M4.2 -1.8A4.5 4.5 0 1 0 4.4 1.4M4.6 -5V-1.6H1.2", false],
  breaker: ["M-6 2H-3.2M3.2 2H6M-3.2 2L2.4 -3.6", false],
  shed: ["M-4.5 -3.5H4.5M-2.5 0H2.5M0 3.6V3.5", false],
  clock: ["M0 -5A5 5 0 1 0 0.01 -5ZM0 -2.6V0.4H2.4", false],
};

/** @param {string} name @param {number} em the size of the type */
export function signOf(name, { em, x = 0, y = 0 }) {
  const [d, isFilled] = PATHS[name];
  return svg("path", {
    d,
    class: `map-sign ${isFilled ? "is-filled" : ""}`,
    transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${(em / 17).toFixed(3)})`,
  });
}

/** A line of a sign and its words, from x on. */
export function signedText({ sign, text, tone }, { em, x, y }) {
  const place = { em, x: x + 0.4 * em, y: y - 0.26 * em };
  return svg("g", { class: `map-line is-${tone}` },
    sign ? signOf(sign, place) : null,
    svg("text", { x: x + (sign ? em : 0), y }, text));
}
