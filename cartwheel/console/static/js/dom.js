/** Elements from data: nothing here parses HTML, so no text can become markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. Properties that start with `on` are listeners, `class` is the class, `true` an
 * attribute without a value, `false`, null and undefined none.
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node|string|number|null|undefined|false)} children
 */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** Set the text only if it differs: a node that does not change costs no layout. */
export function setText(node, text) {
  const value = String(text);
  const only = node.firstChild;
  // The node of the text stays: a new one each second would be work for the garbage collector.
  if (only?.nodeType === Node.TEXT_NODE && only === node.lastChild) {
    if (only.data !== value) only.data = value;
  } else if (node.textContent !== value) {
    node.textContent = value;
  }
}

/** The same, with what stands between backticks as code. */
export function setTextWithCode(node, text) {
  if (node.textContent === text.replaceAll("`", "")) return;
  node.replaceChildren(...text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part)));
}

/** Set an attribute only if it differs. */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}
