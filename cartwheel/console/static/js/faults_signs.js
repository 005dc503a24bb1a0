/** One line drawing for each kind of damage. */

import { svg } from "./dom.js";

const PATHS = {
  kill: "M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14M7 7l6 6M13 7l-6 6",
  hang: "M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14M8 7v6M12 7v6",
  slow: "M5 3h10M5 17h10M6 3c0 4 4 5 4 7s-4 3-4 7M14 3c0 4-4 5-4 7s4 3 4 7",
  cut: "M2 10h5M13 10h5M9 5l-1 3M12 12l-1 3M8.5 13l-1.5 2M13 5l-1.5 2",
  store: "M4 5c0-3 12-3 12 0v10c0 3-12 3-12 0zM4 5c0 3 12 3 12 0M8 10l4 4M12 10l-4 4",
  retries: "M15.5 7a6.5 6.5 0 1 0 1 3.5M16 3v4h-4M7.5 10h5",
};
const KINDS = {
  "cart-killed": "kill",
  "cart-hung": "hang",
  "slow-cart": "slow",
  "cart-partitioned": "cut",
  "cart-store-locked": "store",
  "valkey-hung": "store",
  "retries-exhausted": "retries",
};

/** @param {string} id of a fault */
export function signOf(id) {
  const d = PATHS[KINDS[id] ?? "kill"];
  return svg("svg", { viewBox: "0 0 20 20", class: "fault-sign", "aria-hidden": "true" }, svg("path", { d }));
}
