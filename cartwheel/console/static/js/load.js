/** The panel `load`. */

export function mount(root) {
  root.textContent = "";
}
