// Updates the order page while the shipment moves. The server renders: on each event this script
// fetches the page and copies the parts that are live. If a part is missing, it reloads the page.

const live = document.querySelector("[data-events]");
const POLL_MS = 5000;
let isRefreshing = false;
let isStale = false;
const copied = new WeakMap(); // what the server sent for each part: times are rewritten on the page

async function copyLiveParts() {
  const response = await fetch(location.pathname, { headers: { accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const freshPart = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    // This page is of another version of the shop, or no longer about this order.
    if (!freshPart) return location.reload();
    if (freshPart.dataset.at) part.dataset.at = freshPart.dataset.at;
    else copyPart(part, freshPart.innerHTML);
  }
  document.dispatchEvent(new Event("cartwheel:fresh"));
}

function copyPart(part, html) {
  if (part.innerHTML === html || copied.get(part) === html) return;
  const hadFocus = part.contains(document.activeElement);
  part.innerHTML = html;
  copied.set(part, html);
  // The focused element is gone: go on from the top of the order, not from the top of the page.
  if (hadFocus) document.getElementById("order").focus();
}

async function refresh() {
  isStale = true; // an event during a refresh is followed by another one
  if (isRefreshing) return;
  isRefreshing = true;
  try {
    while (isStale) {
      isStale = false;
      await copyLiveParts();
    }
  } catch {
    // No response: once the stream is open again it repeats what was missed.
  } finally {
    isRefreshing = false;
  }
}

function listen() {
  const events = new EventSource(live.dataset.events);
  events.addEventListener("shipment", refresh);
  events.addEventListener("end", () => { refresh(); events.close(); });
  events.addEventListener("error", () => {
    // A closed stream does not come back by itself; a broken one does.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => { refresh(); listen(); }, POLL_MS);
  });
}

if (live) listen();
