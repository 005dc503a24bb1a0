/** Listeners by the name of an event. */
export class Emitter {
  #listeners = new Map();

  /** @returns a function that removes the listener again */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** A listener that fails must not keep the others from being called. */
  emit(name, value) {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(value);
      } catch (error) {
        console.error(error);
      }
    }
  }
}
