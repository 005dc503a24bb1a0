/** What the map says when there is little to see: why, and what to do. */

const QUIET = "No traffic";

/**
 * @param {object|null} frame the newest, or of the moment that is shown
 * @param {{mode: string, isLoadable: boolean}} session
 * @returns {string} empty: the picture says it all
 */
export function noteOf(frame, { mode, isLoadable }) {
  if (!frame) {
    return mode === "recording"
      ? "This recording has no picture of the mesh at this time."
      : "Waiting for the first figures of the shop.";
  }
  if (frame.problem) return frame.problem;
  if (!frame.services.length) return "No service is known yet. If this does not change, see what `cartwheel status` says.";
  const ready = frame.services.filter(({ replicas }) => replicas.some(isReady)).length;
  if (isStarting(frame)) return `The shop is starting: ${ready} of ${frame.services.length} services are ready.`;
  const words = quietWords(frame);
  return words && `${words}${isLoadable ? ": press L for load" : ""}.`;
}

/** The words of the headline, unless it says something else about a shop that nobody asks. */
function quietWords(frame) {
  if (frame.headline.startsWith(QUIET)) return frame.headline;
  const isMeasured = frame.services.some(({ rate }) => rate !== null);
  return isMeasured && !hasTraffic(frame) ? `${QUIET} now` : "";
}

/**
 * Why something is missing, and nothing else is known: what stands on the map is old. With some
 * figures, only what is missing lacks them.
 */
export function isOld(frame) {
  if (!frame?.problem || isStarting(frame)) return false;
  const ready = frame.services.flatMap(({ replicas }) => replicas).filter(isReady);
  return ready.every(({ rate }) => rate === null);
}

const isReady = ({ phase }) => phase === "ready" || phase === "serving";

/** No service serves yet, and one that is not ready starts. */
function isStarting({ services }) {
  const phases = services.flatMap(({ replicas }) => replicas.map(({ phase }) => phase));
  return phases.includes("starting") && !phases.includes("serving");
}

export const hasTraffic = ({ edges, services }) =>
  edges.some(({ rate }) => rate > 0) || services.some(({ rate }) => rate > 0);
