// Moves the order page along while the parcel moves. The server renders; this file only asks
// again when the stream says that something happened, and copies the parts that are live.

const live = document.querySelector("[data-events]");
const POLL_MS = 5000;
let asking = false;
let askAgain = false;
const copied = new WeakMap(); // what the server sent for each part: times are rewritten on the page

async function copyLiveParts() {
  const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const twin = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!twin) continue;
    if (twin.dataset.at) part.dataset.at = twin.dataset.at;
    else copyPart(part, twin.innerHTML);
  }
  document.dispatchEvent(new Event("cartwheel:fresh"));
}

function copyPart(part, html) {
  if (part.innerHTML === html || copied.get(part) === html) return;
  const hadFocus = part.contains(document.activeElement);
  part.innerHTML = html;
  copied.set(part, html);
  // What had the focus is gone: go on from the top of the order, not from the top of the page.
  if (hadFocus) document.getElementById("order").focus();
}

async function refresh() {
  askAgain = true; // what happens while we ask is asked for afterwards
  if (asking) return;
  asking = true;
  try {
    while (askAgain) {
      askAgain = false;
      await copyLiveParts();
    }
  } catch {
    // Nobody answered: the stream comes back and says what was missed.
  } finally {
    asking = false;
  }
}

function listen() {
  const events = new EventSource(live.dataset.events);
  events.addEventListener("shipment", refresh);
  events.addEventListener("end", () => { refresh(); events.close(); });
  events.addEventListener("error", () => {
    // A closed stream will not come back by itself; a broken one does.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => { refresh(); listen(); }, POLL_MS);
  });
}

if (live) listen();
