/** Sends only the newest of many values, at most one at a time and four a second. */

const INTERVAL = 250;

export class NewestSender {
  #send;
  #waiting = null;
  #isBusy = false;

  /** @param {(value: object) => Promise<void>} send must not throw */
  constructor(send) {
    this.#send = send;
  }

  push(value) {
    this.#waiting = value;
    if (!this.#isBusy) this.#work();
  }

  /** What waits is not sent any more. */
  clear() {
    this.#waiting = null;
  }

  async #work() {
    this.#isBusy = true;
    while (this.#waiting !== null) {
      const value = this.#waiting;
      this.#waiting = null;
      const pause = new Promise((resolve) => { setTimeout(resolve, INTERVAL); });
      await this.#send(value);
      await pause;
    }
    this.#isBusy = false;
  }
}
