// Problem documents (RFC 9457): the registry of the interface, and `about:blank` for what it does not name.

import { STATUS_CODES } from "node:http";

const BASE = "https://docs.margo.org/specification/problem-types#";
const REGISTRY = {
  "invalid-request": [400, "Invalid Request"],
  "not-authorized": [403, "Not Authorized"],
  "gateway-not-found": [404, "Gateway Not Found"],
  "device-not-found": [404, "Device Not Found"],
  "deployment-not-found": [404, "Deployment Not Found"],
  "invalid-bundle": [404, "Invalid Bundle"],
  "server-cannot-generate-response": [406, "Server Cannot Generate Response"],
  "semantic-error": [422, "Semantic Error"],
};
const RETRYABLE = [429, 500, 503];
const RETRY_AFTER_SECONDS = 1;

export class Problem extends Error {
  // kind: a name of the registry, or a status without an entry there.
  constructor(kind, members = {}, headers = {}) {
    const [status, title] = REGISTRY[kind] ?? [kind, STATUS_CODES[kind]];
    super(title);
    this.status = status;
    this.headers = { "Content-Type": "application/problem+json", ...headers };
    this.document = { type: kind in REGISTRY ? BASE + kind : "about:blank", title, status, ...promise(status), ...members };
    if (asksToWait(status)) this.headers["Retry-After"] = String(RETRY_AFTER_SECONDS);
  }

  get body() {
    return Buffer.from(JSON.stringify(this.document));
  }
}

function asksToWait(status) {
  return status === 429 || status === 503;
}

function promise(status) {
  if (!RETRYABLE.includes(status)) return { retryable: false, backoffStrategy: "none" };
  const wait = asksToWait(status) ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {};
  return { retryable: true, ...wait, backoffStrategy: "exponential" };
}
