/** Sends only the newest of many requests, at most one at a time and four a second. */

const INTERVAL = 250;

export class NewestSender {
  #waiting = null;
  #isSending = false;
  #isWorking = false;

  /** Whether something has no response yet. */
  get isBusy() {
    return this.#isSending || this.#waiting !== null;
  }

  /** @param {() => Promise<void>} send must not throw */
  push(send) {
    this.#waiting = send;
    if (!this.#isWorking) this.#work();
  }

  async #work() {
    this.#isWorking = true;
    while (this.#waiting !== null) {
      const send = this.#waiting;
      this.#waiting = null;
      const pause = new Promise((resolve) => { setTimeout(resolve, INTERVAL); });
      this.#isSending = true;
      await send();
      this.#isSending = false;
      await pause;
    }
    this.#isWorking = false;
  }
}
