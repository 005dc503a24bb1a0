// A button that reveals a typed password. Without this script there is no such button.

for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  });
  // Browsers offer to save only what is in a password field.
  field.form.addEventListener("submit", () => { field.type = "password"; });
}
