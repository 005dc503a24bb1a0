/** The panel `autoscaler`. */

export function mount(root) {
  root.textContent = "";
}
