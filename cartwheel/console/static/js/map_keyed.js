/** Elements that stand for things with a key: made once, updated in place, removed when they go. */

export class Keyed {
  #parent;
  #elements = new Map();

  /** @param {Element} parent */
  constructor(parent) {
    this.#parent = parent;
  }

  /**
   * @param {[string, object][]} items by key, in the order of the elements
   * @param {{make: Function, update: Function, leave?: Function}} steps `make(item)` gives an
   * element, `update(element, item)` fills it; `leave(element)` may keep it for a moment
   */
  sync(items, { make, update, leave = (element) => element.remove() }) {
    const old = this.#elements;
    this.#elements = new Map();
    let previous = null;
    for (const [key, item] of items) {
      const element = old.get(key) ?? make(item);
      const isNew = !old.delete(key);
      this.#elements.set(key, element);
      update(element, item, isNew);
      const isInPlace = element.parentNode === this.#parent && (!previous || follows(element, previous));
      if (!isInPlace) this.#parent.insertBefore(element, previous ? previous.nextSibling : this.#parent.firstChild);
      previous = element;
    }
    for (const element of old.values()) leave(element);
  }
}

const follows = (element, other) =>
  Boolean(other.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING);

/**
 * Draw an element if these values are others than last time: a second in which nothing changed
 * costs no painting.
 */
export function ifChanged(element, values, draw) {
  const shown = JSON.stringify(values);
  if (element.dataset.shown === shown) return;
  element.dataset.shown = shown;
  draw();
}
