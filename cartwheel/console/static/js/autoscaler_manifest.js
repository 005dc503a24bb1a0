/** YAML as text with its changed lines marked. */

import { h } from "./dom.js";

const SIGNS = { same: " ", added: "+", removed: "−" };
const WORDS = { added: "added: ", removed: "removed: " };

/**
 * The lines of two texts, in one order: which are in both, in the second only, in the first only.
 * @returns {{kind: "same"|"added"|"removed", text: string}[]}
 */
export function changedLines(before, after) {
  const [one, other] = [linesOf(before), linesOf(after)];
  const common = commonLengths(one, other);
  const found = [];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      found.push({ kind: "same", text: one[i] });
      i += 1;
      j += 1;
    } else if (i < one.length && (j === other.length || common[i + 1][j] >= common[i][j + 1])) {
      found.push({ kind: "removed", text: one[i] });
      i += 1;
    } else {
      found.push({ kind: "added", text: other[j] });
      j += 1;
    }
  }
  return found;
}

const linesOf = (text) => text.replace(/\n$/, "").split("\n");

/** The length of the longest common subsequence from each pair of lines on. */
function commonLengths(one, other) {
  const table = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1));
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      table[i][j] = one[i] === other[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}

/** A box with YAML; without `before` nothing is marked. */
export function manifestBox(label) {
  return h("pre", { class: "manifest", tabindex: 0, role: "region", "aria-label": label });
}

export function showManifest(box, manifest, before = manifest) {
  box.replaceChildren(...changedLines(before, manifest).map(({ kind, text }) => {
    const look = /^\s*#/.test(text) ? `${kind} comment` : kind;
    const words = WORDS[kind] && h("span", { class: "visually-hidden" }, WORDS[kind]);
    return h("span", { class: `line ${look}` }, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind]), words, text || " ", "\n");
  }));
}
