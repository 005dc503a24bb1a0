/** The panel `faults`. */

export function mount(root) {
  root.textContent = "";
}
