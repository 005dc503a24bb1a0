// Moves the order page along while the parcel moves. The server renders; this file only asks
// again when the stream says that something happened, and copies the parts that are live.

const live = document.querySelector("[data-events]");
const POLL_MS = 5000;
let asking = false;

async function refresh() {
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const twin = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (!twin) continue;
      if (twin.dataset.at) part.dataset.at = twin.dataset.at;
      else if (part.innerHTML !== twin.innerHTML) part.innerHTML = twin.innerHTML;
    }
  } finally {
    asking = false;
  }
}

function listen() {
  const events = new EventSource(live.dataset.events);
  events.addEventListener("message", refresh);
  events.addEventListener("shipment", refresh);
  events.addEventListener("order", refresh);
  events.addEventListener("end", () => { refresh(); events.close(); });
  events.addEventListener("error", () => {
    // A closed stream will not come back by itself; a broken one does.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => { refresh(); listen(); }, POLL_MS);
  });
}

if (live) listen();
