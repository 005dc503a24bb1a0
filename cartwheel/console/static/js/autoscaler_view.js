/** Which span of time is in view. Pure functions. */

/** Seconds by the words of the choice. */
const WINDOWS = new Map([[60, "1 min"], [300, "5 min"], [900, "15 min"], [3600, "1 h"], [86400, "1 day"]]);
const AUTO = 0;
/** A few, and not each second another one: a chart must not be drawn to another scale all the time. */
const AUTO_WINDOWS = [60, 120, 300];
/** Where in the view a moment lies when the view has to follow it. */
const PLACE = 0.85;

/** What one can choose, and what is chosen first: of a recording, all of it. */
export function windowsOf({ mode, start, end }) {
  if (mode !== "recording") return { choice: new Map([[AUTO, "Auto"], ...WINDOWS]), default: AUTO };
  const all = Math.max(Math.ceil(end - start), 1);
  return { choice: new Map([...[...WINDOWS].filter(([seconds]) => seconds < all), [all, "All"]]), default: all };
}

/**
 * Seconds in view: those that were chosen, or the fewest that show all of a shop that was started
 * a short time ago; never fewer than before.
 */
export function secondsOf(chosen, { begin, newest, before }) {
  if (chosen !== AUTO) return chosen;
  const fewest = Math.max(newest - begin, before);
  return AUTO_WINDOWS.find((seconds) => seconds >= fewest) ?? longestOf(chosen);
}

/** The most seconds that can come into view by themselves. */
export const longestOf = (chosen) => (chosen === AUTO ? AUTO_WINDOWS.at(-1) : chosen);

/**
 * The newest time at the right; a moment of the past keeps the view if it is in it, so that what
 * one clicks does not move.
 * @param {{start: number, end: number}|null} before
 * @param {{seconds: number, newest: number, moment: number|null}} wanted
 */
export function viewOf(before, { seconds, newest, moment }) {
  if (moment === null) return { start: newest - seconds, end: newest };
  const kept = before && before.end - before.start === seconds ? before : { start: newest - seconds, end: newest };
  if (moment >= kept.start && moment <= kept.start + PLACE * seconds) return kept;
  if (moment >= kept.start && moment <= kept.end && kept.end >= newest) return kept;
  const end = Math.max(Math.min(moment + (1 - PLACE) * seconds, newest), moment);
  return { start: end - seconds, end };
}

/** Seconds from one redrawing to the next: half a pixel of a live chart. */
export const redrawAfter = (seconds, pixels) => Math.min(seconds / Math.max(pixels, 1) / 2, 60);
