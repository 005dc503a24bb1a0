// Puts goods in the cart without leaving the page. Without this file the same form posts and
// the server answers with a page.

const count = document.querySelector("[data-cart-count]");

async function add(form) {
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { accept: "application/json" },
    body: new URLSearchParams(new FormData(form)),
  });
  if (!answer.ok) throw new Error(`the cart answered ${answer.status}`);
  return answer.json();
}

for (const form of document.querySelectorAll("form[data-add]")) {
  // The second click of a double click means the first. A later one is another wish: each
  // answer brings a key for it.
  form.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest("button")) event.preventDefault();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { count: items, said, key } = await add(form);
      form.elements.key.value = key;
      count.textContent = items;
      document.querySelector("[data-cart-things]").textContent = items === 1 ? "thing" : "things";
      count.toggleAttribute("data-filled", items > 0);
      form.querySelector("[data-said]").innerHTML = said;
    } catch {
      form.submit(); // the page way knows how to explain what went wrong
    }
  });
}
