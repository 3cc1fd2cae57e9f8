// A WOS: the six operations of the interface over mutual TLS.
// Usage: node wos.mjs --credentials <folder> --storage <file> --port <port> [--host <address>]

import { constants } from "node:crypto";
import { createServer } from "node:https";
import { STATUS_CODES } from "node:http";
import { parseArgs } from "node:util";
import { Fleet, Misfit } from "./fleet.mjs";
import { examine } from "./identity.mjs";
import { parseBytes } from "./json.mjs";
import { BUNDLE_TYPE, DOCUMENT_TYPE, MANIFEST_TYPE, digestOf } from "./manifest.mjs";
import { accepts, holdsTag, isJson } from "./negotiation.mjs";
import { perform } from "./operator.mjs";
import { Problem } from "./problems.mjs";
import { faultsOf } from "./schema.mjs";
import { Storage } from "./storage.mjs";
import { Trust } from "./trust.mjs";

const LARGEST_BODY = 262144;
const LARGEST_DISCARDED = 8 * 1024 * 1024;
const KEEP_ALIVE_MS = 120_000;
const FOR_EVER = "private, max-age=31536000, immutable";

const ROUTES = [
  { path: /^\/api\/v1\/capabilities\/((?:(?!%2[Ff])[^/])+)$/, methods: { PUT: announceCapabilities, DELETE: withdrawCapabilities } },
  { path: /^\/api\/v1\/deployments$/, methods: { GET: getManifest } },
  { path: /^\/api\/v1\/deployments\/([^/]+)\/status$/, methods: { POST: reportStatus } },
  { path: /^\/api\/v1\/deployments\/([^/]+)\/([^/]+)$/, methods: { GET: getDocument } },
  { path: /^\/api\/v1\/bundles\/([^/]+)$/, methods: { GET: getBundle } },
];

const { values: settings } = parseArgs({
  options: {
    credentials: { type: "string" },
    storage: { type: "string" },
    port: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
  },
});

const storage = new Storage(settings.storage);
const fleet = new Fleet(storage);
const trust = new Trust(settings.credentials, storage);
const faults = new Map(); // client -> { status, count } of answers that the operator has ordered
const peers = new WeakMap(); // TLS socket -> { id, from, until, bundle }
const server = createServer({
  ...tlsOptions(),
  requestCert: true,
  rejectUnauthorized: true,
  requireHostHeader: false,
  keepAliveTimeout: KEEP_ALIVE_MS,
});

server.on("secureConnection", admitPeer);
server.on("request", serve);
server.on("checkContinue", serve);
server.on("checkExpectation", serve);
server.on("clientError", answerUnreadable);
server.on("connect", (request, socket) => answerRaw(socket, problemForMethod(request.url, "CONNECT")));
server.listen(Number(settings.port), settings.host, () => process.send?.({ port: server.address().port }));
trust.onChange(reloadTrust);
process.on("disconnect", () => process.exit());
process.on("message", ({ ticket, verb, text }) => process.send({ ticket, ...perform(operated, verb, text) }));

const operated = { id: trust.id, fleet, faults, replaceTrust };

// Without tickets and without a cache every connection is a full handshake, so nothing is resumed unseen.
function tlsOptions() {
  const { svid: cert, key, bundle: ca } = trust;
  return { cert, key, ca, minVersion: "TLSv1.3", maxVersion: "TLSv1.3", secureOptions: constants.SSL_OP_NO_TICKET };
}

function applyTrust() {
  server.setSecureContext(tlsOptions());
  server.closeIdleConnections();
}

function reloadTrust() {
  try {
    trust.load();
    applyTrust();
  } catch (error) {
    console.error(`the files have changed and were not taken: ${error.message}`);
  }
}

function replaceTrust(bundle) {
  if (!trust.replaceBundle(bundle)) throw new Misfit(400, "trustBundlePem holds no root");
  applyTrust();
}

function admitPeer(socket) {
  const peer = examine(socket, trust.id, trust.roots);
  if (peer === undefined) socket.destroy();
  else peers.set(socket, { ...peer, bundle: trust.bundle });
}

// The peer of a connection, if it would be taken in a handshake now.
function currentPeer(socket) {
  const peer = peers.get(socket);
  const now = Date.now();
  return peer && peer.bundle === trust.bundle && peer.from <= now && now <= peer.until ? peer : undefined;
}

async function serve(request, response) {
  const peer = currentPeer(request.socket);
  if (peer === undefined) return request.socket.destroy();
  if (request.headers.expect?.toLowerCase() === "100-continue") response.writeContinue();
  try {
    if (!fleet.isAdmitted(peer.id)) throw new Problem("not-authorized");
    const { act, parts } = route(request.method, request.url);
    const answer = await act({ client: peer.id, headers: request.headers, parts, body: () => readBody(request, peer.id) });
    send(response, answer.status, answer.headers, answer.body);
  } catch (error) {
    if (!(error instanceof Problem)) console.error(error);
    const problem = error instanceof Problem ? error : new Problem(500);
    send(response, problem.status, problem.headers, problem.body);
  }
}

function send(response, status, headers = {}, body = Buffer.alloc(0)) {
  const length = status === 204 || status === 304 ? {} : { "Content-Length": body.length };
  response.writeHead(status, { ...headers, ...length });
  response.end(body);
}

function route(method, target) {
  const path = pathOf(target);
  const found = ROUTES.find((candidate) => candidate.path.test(path));
  if (found === undefined || hasUnusableSegment(path)) throw new Problem(404);
  if (!Object.hasOwn(found.methods, method)) throw new Problem(405, {}, { Allow: Object.keys(found.methods).join(", ") });
  return { act: found.methods[method], parts: found.path.exec(path).slice(1) };
}

// The path of a request target, with percent-encoded unreserved characters as themselves.
function pathOf(target) {
  return target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "")
    .replace(/%(?:2[DE]|3\d|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])/gi, decodeURIComponent);
}

function hasUnusableSegment(path) {
  return path.slice(1).split(/\/|%2f/i).some((segment) => ["", ".", ".."].includes(segment));
}

// While it is read the client may be retired.
async function readBody(request, client) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length <= LARGEST_BODY) chunks.push(chunk);
    if (length > LARGEST_DISCARDED) break;
  }
  if (!fleet.isAdmitted(client)) throw new Problem("not-authorized");
  if (length > LARGEST_BODY) throw new Problem(413, {}, { Connection: "close" });
  return Buffer.concat(chunks);
}

// -> { text, value } of a body that is JSON and valid
async function readJson({ headers, body }, schema) {
  if (!isJson(headers["content-type"])) throw new Problem(415);
  const json = parseOr400(await body());
  const errors = faultsOf(schema, json.value);
  if (errors.length > 0) throw new Problem("semantic-error", { errors });
  return json;
}

function parseOr400(bytes) {
  try {
    return parseBytes(bytes);
  } catch {
    throw new Problem("invalid-request");
  }
}

async function announceCapabilities(request) {
  const { text, value } = await readJson(request, "device-capabilities");
  const [deviceId] = request.parts;
  if (value.get("properties").get("id") !== deviceId) {
    throw new Problem("semantic-error", { errors: [{ field: "/properties/id", message: "is not the device id of the path" }] });
  }
  return { status: fleet.announce(request.client, deviceId, text) ? 201 : 200 };
}

async function withdrawCapabilities({ client, parts: [deviceId] }) {
  if (!orConflict(() => fleet.removeDevice(client, deviceId))) throw new Problem("device-not-found");
  return { status: 204 };
}

async function getManifest({ client, headers }) {
  failAsOrdered(client);
  if (!accepts(headers.accept, MANIFEST_TYPE)) throw new Problem("server-cannot-generate-response");
  const body = Buffer.from(fleet.manifest(client));
  return conditional(headers, body, { "Content-Type": MANIFEST_TYPE, "Cache-Control": "private" });
}

function failAsOrdered(client) {
  const fault = faults.get(client);
  if (fault === undefined) return;
  fault.count -= 1;
  if (fault.count === 0) faults.delete(client);
  throw new Problem(fault.status);
}

async function getDocument({ client, headers, parts: [deploymentId, digest] }) {
  const body = fleet.artifact(client, deploymentId, withColon(digest));
  if (body === undefined || deploymentId.toLowerCase() === "bundle") throw new Problem("deployment-not-found");
  return conditional(headers, body, { "Content-Type": DOCUMENT_TYPE, "Cache-Control": FOR_EVER });
}

async function getBundle({ client, headers, parts: [digest] }) {
  const body = fleet.artifact(client, "bundle", withColon(digest));
  if (body === undefined) throw new Problem("invalid-bundle");
  return conditional(headers, body, { "Content-Type": BUNDLE_TYPE, "Cache-Control": FOR_EVER });
}

function withColon(digest) {
  return digest.replace(/^sha256%3a/i, "sha256:");
}

function conditional(request, body, headers) {
  const tag = `"${digestOf(body)}"`;
  if (!holdsTag(request["if-none-match"], tag)) return { status: 200, headers: { ...headers, ETag: tag }, body };
  return { status: 304, headers: { ETag: tag, "Cache-Control": headers["Cache-Control"] } };
}

async function reportStatus(request) {
  const { text, value } = await readJson(request, "deployment-status");
  const isFirst = orConflict(() => fleet.report(request.client, request.parts[0], value, text));
  return { status: isFirst ? 201 : 200 };
}

function orConflict(act) {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    if (error.status === 404) throw new Problem("deployment-not-found");
    if (error.status === 422) throw new Problem("semantic-error", { errors: [{ field: error.field, message: error.message }] });
    throw new Problem(error.status, { detail: error.message });
  }
}

// What the parser of Node could not read has no response object; the answer is written by hand.
function answerUnreadable(error, socket) {
  const peer = currentPeer(socket);
  if (!socket.writable || peer === undefined || !fleet.isAdmitted(peer.id)) return socket.destroy();
  const [, method, target] = /^([^ ]+) ([^ ]+) HTTP\/1\.[01]\r?\n/.exec(error.rawPacket?.toString("latin1") ?? "") ?? [];
  if (error.code === "HPE_INVALID_METHOD" && target !== undefined) return answerRaw(socket, problemForMethod(target, method));
  const statuses = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };
  answerRaw(socket, new Problem(statuses[error.code] ?? "invalid-request"));
}

function problemForMethod(target, method) {
  try {
    route(method, target);
  } catch (problem) {
    return problem;
  }
  return new Problem("invalid-request");
}

function answerRaw(socket, { status, headers, body }) {
  const lines = Object.entries({ ...headers, "Content-Length": body.length, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n`), body]));
}
