/** The panel `map`. */

export function mount(root) {
  root.textContent = "";
}
