// The three bodies of the desired state: document, bundle and manifest. Equal content gives equal bytes.

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { write } from "./json.mjs";

export const MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json";
export const BUNDLE_TYPE = "application/vnd.margo.bundle.v1+tar+gzip";
export const DOCUMENT_TYPE = "application/yaml";

const EXTENSION = /^x-[a-z][a-z0-9-]*-extensions$/;
const BLOCK = 512;
const LONGEST_STEM = 40;

export function digestOf(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

// The document as a tree; `application` is a description, `assigned` maps names of parameters to values.
export function composeDocument({ deploymentId, deviceId, application, profileId, assigned }) {
  const name = nameOf(application.get("id"), deploymentId);
  const parameters = chooseParameters(application.get("parameters") ?? new Map(), assigned);
  const spec = new Map([
    ["applicationId", application.get("id")],
    ["deploymentProfile", copyProfile(profileOf(application, profileId))],
  ]);
  if (parameters.size > 0) spec.set("parameters", parameters);
  return new Map([
    ["id", deploymentId],
    ["metadata", new Map([["name", name], ["namespace", name], ["deviceId", deviceId]])],
    ["spec", spec],
  ]);
}

export function profileOf(application, profileId) {
  return application.get("deploymentProfiles").find((profile) => profile.get("id") === profileId);
}

export function writeDocument(document) {
  return Buffer.from(write(document));
}

// A label of DNS, so that Kubernetes takes it as well.
function nameOf(applicationId, deploymentId) {
  const stem = applicationId.replace(/^-+/, "").slice(0, LONGEST_STEM);
  return `${stem || "app"}-${deploymentId.slice(0, 8)}`;
}

function copyProfile(profile) {
  const wanted = ["type", "components", "deviceConstraints"];
  return new Map([...profile].filter(([name]) => wanted.includes(name) || EXTENSION.test(name)));
}

function chooseParameters(described, assigned) {
  const chosen = [...described]
    .map(([name, parameter]) => [name, assigned.has(name) ? assigned.get(name) : parameter.get("value"), parameter.get("targets")])
    .filter(([, value]) => value !== undefined);
  return new Map(chosen.map(([name, value, targets]) => [name, new Map([["value", value], ["targets", targets]])]));
}

// entries: [{ deploymentId, bytes }]
export function writeBundle(entries) {
  const members = [...entries].sort(byDeploymentId)
    .flatMap(({ deploymentId, bytes }) => [tarHeader(`${deploymentId}.yaml`, bytes.length), bytes, Buffer.alloc(-bytes.length & (BLOCK - 1))]);
  return gzipSync(Buffer.concat([...members, Buffer.alloc(2 * BLOCK)]));
}

function tarHeader(name, size) {
  const header = Buffer.alloc(BLOCK);
  const octal = (number, digits) => `${number.toString(8).padStart(digits, "0")}\0`;
  const place = (text, offset) => header.write(text, offset, "latin1");
  place(name, 0);
  place(octal(0o644, 7), 100);
  place(octal(0, 7), 108);
  place(octal(0, 7), 116);
  place(octal(size, 11), 124);
  place(octal(0, 11), 136);
  place(" ".repeat(8), 148);
  place("0", 156);
  place("ustar\x0000", 257);
  place(`${octal(header.reduce((sum, byte) => sum + byte, 0), 6)} `, 148);
  return header;
}

// version: a BigInt; its digits are written, since a number of JavaScript would not hold them.
export function writeManifest(version, entries, bundle) {
  const list = [...entries].sort(byDeploymentId).map(({ deploymentId, bytes }) => {
    const digest = digestOf(bytes);
    return { deploymentId, digest, sizeBytes: bytes.length, url: `/api/v1/deployments/${deploymentId}/${digest}` };
  });
  return `{"bundle":${JSON.stringify(describeBundle(bundle))},"deployments":${JSON.stringify(list)},"manifestVersion":${version}}`;
}

function describeBundle(bundle) {
  if (bundle === null) return null;
  const digest = digestOf(bundle);
  return { digest, mediaType: BUNDLE_TYPE, sizeBytes: bundle.length, url: `/api/v1/bundles/${digest}` };
}

function byDeploymentId(one, other) {
  return one.deploymentId < other.deploymentId ? -1 : 1;
}
