// Shows a password while it is typed, for whoever asks. Without this file there is no such button.

for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  });
  // Browsers offer to keep what was in a password field, and only that.
  field.form.addEventListener("submit", () => { field.type = "password"; });
}
