// The test control of the WOS: starts it as a child, hands it the verbs, and ends and starts it anew for `restart`.
// Usage: CONTROL_TOKEN=… node control.mjs --control-port <port> --port <port> --credentials <folder> --storage <file>
// A port 0 is chosen by the system; what was chosen is printed once, when both listen.

import { fork } from "node:child_process";
import { createServer } from "node:http";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { parse } from "./json.mjs";
import { isOffered } from "./operator.mjs";

const TOKEN = process.env.CONTROL_TOKEN;
if (!TOKEN) throw new Error("CONTROL_TOKEN is not set");
const OPTIONS = ["control-port", "port", "credentials", "storage"];
const { values } = parseArgs({ options: Object.fromEntries(OPTIONS.map((name) => [name, { type: "string" }])) });

const known = new Map(); // request id -> { verb, value, answer }
const waiting = new Map(); // ticket -> what to do with the answer of the WOS
let lastTicket = 0;
let isServing = false;
let wos;

function start() {
  const child = fork(new URL("wos.mjs", import.meta.url), OPTIONS.slice(1).map((name) => `--${name}=${values[name]}`), {
    env: { ...process.env, CONTROL_TOKEN: "" },
  });
  child.on("message", (message) => {
    if (message.port !== undefined) beginServing(message.port);
    else waiting.get(message.ticket)?.(message);
    waiting.delete(message.ticket);
  });
  child.once("exit", (code) => {
    if (!child.isEnded) process.exit(code || 1);
    for (const resolve of waiting.values()) resolve(answerOf(500, { error: "the WOS was ended before it had answered" }));
    waiting.clear();
    wos = start();
  });
  return child;
}

// The first port stays the port after each restart.
function beginServing(port) {
  isServing = true;
  if (values.port === "0") values.port = String(port);
  if (wos.isFirst) console.log(JSON.stringify({ wosUrl: `https://127.0.0.1:${port}`, controlUrl: `http://127.0.0.1:${listener.address().port}` }));
}

const answerOf = (status, body) => ({ status, text: JSON.stringify(body) });
const NOT_YET = answerOf(202, {});

function ask(verb, text) {
  lastTicket += 1;
  wos.send({ ticket: lastTicket, verb, text });
  return new Promise((resolve) => waiting.set(lastTicket, resolve));
}

function restart() {
  isServing = false;
  wos.isEnded = true;
  wos.kill("SIGKILL");
}

// A verb is carried out once for one request id; what was refused was not carried out. Without an id, only `restart` is remembered.
async function perform(verb, text, value) {
  const id = value.get("requestId") ?? (verb === "restart" ? "" : undefined);
  const earlier = known.get(id);
  if (earlier && (earlier.verb !== verb || !isDeepStrictEqual(earlier.value, value))) return answerOf(409, { error: "this requestId came with another request" });
  if (!isServing) return NOT_YET;
  if (earlier?.answer && id === "") known.delete(id);
  if (earlier) return earlier.answer ?? NOT_YET;
  const entry = { verb, value, answer: verb === "restart" ? answerOf(200, {}) : undefined };
  if (id !== undefined) known.set(id, entry);
  if (verb === "restart") return restart() ?? NOT_YET;
  entry.answer = await ask(verb, text);
  if (entry.answer.status !== 200) known.delete(id);
  return entry.answer;
}

async function answer(request) {
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return answerOf(401, { error: "the token is missing or wrong" });
  const verb = /^\/control\/v1\/([^/]+)$/.exec(request.url)?.[1];
  if (verb === undefined || request.method !== "POST") return answerOf(404, { error: "there is no such path or method" });
  if (verb !== "restart" && !isOffered(verb)) return answerOf(501, { error: "this product does not offer the verb" });
  const text = Buffer.concat(await request.toArray()).toString();
  const value = objectIn(text);
  if (value === undefined) return answerOf(400, { error: "the body is no JSON object" });
  if (value.has("requestId") && typeof value.get("requestId") !== "string") return answerOf(400, { error: "requestId is no text" });
  return perform(verb, text, value).catch((error) => answerOf(500, { error: error.message }));
}

function objectIn(text) {
  try {
    const value = parse(text);
    return value instanceof Map ? value : undefined;
  } catch {
    return undefined;
  }
}

const listener = createServer(async (request, response) => {
  const { status, text } = await answer(request);
  response.writeHead(status, { "Content-Type": "application/json" }).end(text);
});
listener.listen(Number(values["control-port"]), "127.0.0.1", () => {
  wos = start();
  wos.isFirst = true;
});
