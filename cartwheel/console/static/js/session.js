/** What the page shows: a live shop, a recording that the console serves, or one in this page. */

import { openLiveSession } from "./live_session.js";

/** @returns the session; `live_session.js` says what one can do. */
export async function openSession() {
  return openLiveSession();
}
