// Puts a product in the cart without leaving the page. Without this script the same form posts, and
// the server responds with a page.

const count = document.querySelector("[data-cart-count]");

async function add(form) {
  const response = await fetch(form.action, {
    method: "POST",
    headers: { accept: "application/json" },
    body: new URLSearchParams(new FormData(form)),
  });
  if (!response.ok) throw new Error(`the cart responded with ${response.status}`);
  return response.json();
}

for (const form of document.querySelectorAll("form[data-add]")) {
  // The second click of a double click is not another add. A later click is: each response brings
  // a key for it.
  form.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest("button")) event.preventDefault();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { count: items, said: message, key } = await add(form);
      form.elements.key.value = key;
      count.textContent = items;
      document.querySelector("[data-cart-things]").textContent = items === 1 ? "thing" : "things";
      count.toggleAttribute("data-filled", items > 0);
      form.querySelector("[data-add-message]").innerHTML = message;
    } catch {
      form.submit(); // the page that comes back says what went wrong
    }
  });
}
