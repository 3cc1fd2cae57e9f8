// What an operator can order and see: the verbs of a WOS in the test control, each from a JSON object to an answer.

import { isClientOf } from "./identity.mjs";
import { parse } from "./json.mjs";
import { Misfit } from "./fleet.mjs";
import { faultsOf } from "./schema.mjs";

const FAULT_STATUSES = ["429", "500", "503"];
const MOST_FAULTS = 100;

export function isOffered(verb) {
  return Object.hasOwn(VERBS, verb);
}

// wos: { id, fleet, faults, replaceTrust }; -> { status, text }
export function perform(wos, verb, text) {
  try {
    return { status: 200, text: VERBS[verb](wos, readObject(text)) ?? "{}" };
  } catch (error) {
    if (error instanceof Misfit) return refusal(error.status, error.message);
    return refusal(500, error.message);
  }
}

function refusal(status, sentence) {
  return { status, text: JSON.stringify({ error: sentence }) };
}

function readObject(text) {
  try {
    const value = parse(text);
    if (value instanceof Map) return value;
  } catch {
    // falls through to the refusal
  }
  throw new Misfit(400, "the body is no JSON object");
}

const VERBS = {
  admit: (wos, body) => wos.fleet.admit(clientIn(wos, body)),
  retire: (wos, body) => wos.fleet.retire(clientIn(wos, body)),
  view: (wos, body) => wos.fleet.view(clientIn(wos, body)),
  withdraw: (wos, body) => wos.fleet.withdraw(deploymentIdIn(body)),

  assign(wos, body) {
    const id = wos.fleet.assign(
      clientIn(wos, body),
      textIn(body, "deviceId"),
      applicationIn(body),
      textIn(body, "profileId"),
      parametersIn(body) ?? new Map(),
    );
    return JSON.stringify({ deploymentId: id });
  },

  update(wos, body) {
    const id = wos.fleet.update(
      deploymentIdIn(body),
      body.has("application") ? applicationIn(body) : undefined,
      body.has("profileId") ? textIn(body, "profileId") : undefined,
      parametersIn(body),
    );
    return JSON.stringify({ deploymentId: id });
  },

  set_version(wos, body) {
    demandValid("manifest-version", body.get("version"), "version");
    wos.fleet.raiseFloor(clientIn(wos, body), body.get("version").toBigInt());
  },

  fault(wos, body) {
    const status = body.get("status")?.text;
    const count = body.has("count") ? Number(body.get("count")?.text) : 1;
    if (!FAULT_STATUSES.includes(status)) throw new Misfit(400, "status is none of 429, 500, 503");
    if (!Number.isInteger(count) || count < 1 || count > MOST_FAULTS) throw new Misfit(400, "count is no number from 1 to 100");
    wos.faults.set(clientIn(wos, body), { status: Number(status), count });
  },

  rotate_trust: (wos, body) => wos.replaceTrust(textIn(body, "trustBundlePem")),
};

function demandValid(schema, value, member) {
  const [fault] = value === undefined ? [{ field: "", message: "is missing" }] : faultsOf(schema, value);
  if (fault) throw new Misfit(400, `${member}${fault.field} ${fault.message}`);
}

function textIn(body, member) {
  const value = body.get(member);
  if (typeof value !== "string" || value === "") throw new Misfit(400, `${member} is no text`);
  return value;
}

function clientIn(wos, body) {
  const id = textIn(body, "spiffeId");
  if (!isClientOf(wos.id, id)) throw new Misfit(400, "spiffeId is not the id of an agent of this WOS");
  return id;
}

function deploymentIdIn(body) {
  demandValid("deployment-id", body.get("deploymentId"), "deploymentId");
  return body.get("deploymentId");
}

function applicationIn(body) {
  demandValid("application-description", body.get("application"), "application");
  return body.get("application");
}

function parametersIn(body) {
  const parameters = body.get("parameters");
  if (parameters === undefined || parameters instanceof Map) return parameters;
  throw new Misfit(400, "parameters is no object");
}
