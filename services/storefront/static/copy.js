// A button that copies the text of another element. Without this script there is no button; the
// text can be selected with one click.

async function copy(source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(source.textContent);
  getSelection().selectAllChildren(source); // plain http: the older way
  if (!document.execCommand("copy")) throw new Error("not copied");
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const message = button.parentElement.querySelector("[data-copied]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copy(source);
      message.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(source);
      message.textContent = "Selected: copy it with your keyboard.";
    }
  });
}
