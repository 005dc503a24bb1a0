/** Starts the page: one session, and a panel in each section. */

import * as autoscaler from "./autoscaler.js";
import * as faults from "./faults.js";
import * as header from "./header.js";
import * as keys from "./keys.js";
import * as load from "./load.js";
import * as map from "./map.js";
import * as presenter from "./presenter.js";
import { openSession } from "./session.js";
import * as timeline from "./timeline.js";

const PANELS = { header, map, autoscaler, load, faults, timeline };

async function start() {
  const session = await openSession();
  for (const [id, panel] of Object.entries(PANELS)) panel.mount(document.getElementById(id), session);
  followWidth();
  presenter.start(session);
  keys.listen();
  const show = ({ connection }) => { document.documentElement.dataset.connection = connection; };
  session.on("state", show);
  show(session.state);
  document.documentElement.dataset.mode = session.info.mode;
}

/**
 * One is read in the order in which one sees it. In one column the load and what it does are on
 * the first screen, and a fault is next to the map that shows it.
 */
function followWidth() {
  const narrow = matchMedia("(max-width: 60rem)");
  const [map, load, autoscaler, faults] = ["map", "load", "autoscaler", "faults"].map((id) => document.getElementById(id));
  const arrange = () => {
    autoscaler.before(narrow.matches ? load : map);
    faults.before(narrow.matches ? map : load);
  };
  narrow.addEventListener("change", arrange);
  arrange();
}

start();
