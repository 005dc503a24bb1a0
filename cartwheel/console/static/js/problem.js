/** An error as the server describes it (RFC 9457). */
export class Problem extends Error {
  constructor(title, detail, status) {
    super(detail || title);
    this.name = "Problem";
    this.title = title;
    this.detail = detail || title;
    this.status = status;
  }
}

/** With all members that the server added, as `field`. */
export function problemOf({ title, detail, status, ...more }) {
  return Object.assign(new Problem(title, detail, status), more);
}
