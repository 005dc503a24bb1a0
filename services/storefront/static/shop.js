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
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector("output");
    try {
      const { count: items, message } = await add(form);
      count.textContent = items;
      count.toggleAttribute("data-filled", items > 0);
      said.textContent = message;
    } catch {
      form.submit(); // the page way knows how to explain what went wrong
    }
  });
}
