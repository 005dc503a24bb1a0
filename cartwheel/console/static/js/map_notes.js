/** What the map says when there is little to see: why, and what to do. */

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
  const isReady = ({ replicas }) => replicas.some(({ phase }) => phase === "ready" || phase === "serving");
  const ready = frame.services.filter(isReady).length;
  if (isStarting(frame)) return `The shop is starting: ${ready} of ${frame.services.length} services are ready.`;
  if (hasTraffic(frame)) return "";
  return isLoadable ? "No traffic yet: press L for load." : "No traffic at this time.";
}

/** No service serves yet, and one that is not ready starts. */
function isStarting({ services }) {
  const phases = services.flatMap(({ replicas }) => replicas.map(({ phase }) => phase));
  return phases.includes("starting") && !phases.includes("serving");
}

export const hasTraffic = ({ edges, services }) =>
  edges.some(({ rate }) => rate > 0) || services.some(({ rate }) => rate > 0);
