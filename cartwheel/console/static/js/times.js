/** Times and spans as people read them. */

const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE_TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** 12:03:41 @param {number} at seconds since the epoch */
export const clock = (at) => TIME.format(at * 1000);

/** 26 Nov 2026, 12:03:41 */
export const dateAndClock = (at) => DATE_TIME.format(at * 1000);

/** 40 s, 2:30 min, 4:30 h */
export function span(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [number, unit] = whole < 7200 ? [whole, "min"] : [Math.round(whole / 60), "h"];
  return `${Math.floor(number / 60)}:${String(number % 60).padStart(2, "0")} ${unit}`;
}
