/** Change the autoscaler. */

export class Changes {
  buttons = [];
  constructor(session) { this.session = session; }
  open() {}
  close() {}
  follow() {}
  update() {}
}
