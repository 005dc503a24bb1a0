/** Why the autoscaler wanted its count at a moment: sentences, and the file in force then. */

export class Explanation {
  constructor(session) { this.session = session; }
  open() {}
  follow() {}
}
