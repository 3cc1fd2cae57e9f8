// What the WOS knows and decides: clients, devices, deployments, manifests and reports. Every change is one commit.
// Keys of the storage are words with spaces between; no id of the interface holds a space.

import { randomUUID } from "node:crypto";
import { parse, write } from "./json.mjs";
import { composeDocument, digestOf, profileOf, writeBundle, writeDocument, writeManifest } from "./manifest.mjs";
import { faultsOf } from "./schema.mjs";

const GREATEST_VERSION = 2n ** 64n - 1n;
const KEPT_AFTER_REPLACEMENT_MS = 600_000;
const NAMED_TYPES = ["helm", "compose"];

// An order or a request that does not fit; status as in the test control and, for reports, in the interface.
export class Misfit extends Error {
  constructor(status, message, field) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

const key = (...words) => words.join(" ");
const latest = (...versions) => versions.reduce((one, other) => (one > other ? one : other));

export class Fleet {
  constructor(storage) {
    this.storage = storage;
  }

  isAdmitted(client) {
    return this.storage.get(key("client", client))?.admitted ?? false;
  }

  admit(client) {
    const record = this.storage.get(key("client", client));
    if (record?.admitted) return;
    const change = new Change(this.storage, client, record ?? { version: "0", floor: "0" });
    change.client.admitted = true;
    change.publish();
  }

  // The relation ends: nothing of the client stays but how far its versions have come.
  retire(client) {
    const change = this.changeOf(client);
    for (const kind of ["device", "deployment", "report", "artifact"]) {
      for (const found of this.storage.keys(key(kind, client, ""))) change.set(found, null);
    }
    const { version, floor } = change.client;
    change.client = { version, floor, admitted: false };
    change.commit();
  }

  raiseFloor(client, version) {
    const change = this.changeOf(client);
    if (version >= GREATEST_VERSION) throw new Misfit(409, "no version is greater than this one");
    change.client.floor = String(latest(BigInt(change.client.floor), version));
    change.commit();
  }

  // -> whether the device was unknown before
  announce(client, deviceId, text) {
    const deviceKey = key("device", client, deviceId);
    const isNew = this.storage.get(deviceKey) === undefined;
    this.storage.commit([[deviceKey, text]]);
    return isNew;
  }

  // -> whether there was such a device
  removeDevice(client, deviceId) {
    const deviceKey = key("device", client, deviceId);
    if (this.storage.get(deviceKey) === undefined) return false;
    const change = this.changeOf(client);
    change.set(deviceKey, null);
    for (const deployment of this.deploymentsOf(client)) if (deployment.deviceId === deviceId) change.withdraw(deployment);
    change.publish();
    return true;
  }

  // application and assigned are trees of json.mjs; -> deployment id
  assign(client, deviceId, application, profileId, assigned) {
    if (!this.isAdmitted(client)) throw new Misfit(409, "the client is not admitted");
    const deploymentId = randomUUID();
    this.place({ deploymentId, client, deviceId, components: [], withdrawn: false }, application, profileId, assigned, "strict");
    return deploymentId;
  }

  update(deploymentId, application, profileId, assigned) {
    const deployment = this.deploymentWithId(deploymentId);
    if (deployment.withdrawn) throw new Misfit(409, "the deployment was withdrawn");
    this.place(
      { ...deployment },
      application ?? parse(deployment.application),
      profileId ?? deployment.profileId,
      assigned ?? parse(deployment.assigned),
      assigned ? "strict" : "lenient",
    );
    return deployment.deploymentId;
  }

  place(deployment, application, profileId, assigned, manner) {
    const profile = profileOf(application, profileId);
    if (profile === undefined) throw new Misfit(400, "the application has no such profile");
    this.demandType(deployment.client, deployment.deviceId, profile.get("type"));
    const unknown = [...assigned.keys()].find((name) => !application.get("parameters")?.has(name));
    if (unknown !== undefined && manner === "strict") throw new Misfit(400, `the application has no parameter ${unknown}`);
    const document = composeDocument({ ...deployment, application, profileId, assigned });
    const [fault] = faultsOf("application-deployment", document);
    if (fault) throw new Misfit(400, `the document would not be valid: ${fault.field} ${fault.message}`);

    const names = profile.get("components").map((component) => component.get("name"));
    const change = this.changeOf(deployment.client);
    change.set(key("deployment", deployment.client, deployment.deploymentId), {
      ...deployment,
      application: write(application),
      profileId,
      assigned: write(assigned),
      components: [...new Set([...deployment.components, ...names])],
      digest: change.keep(deployment.deploymentId, writeDocument(document)),
    });
    change.publish();
  }

  // A type without a name of its own in the interface is like `custom`.
  demandType(client, deviceId, type) {
    const capabilities = this.storage.get(key("device", client, deviceId));
    if (capabilities === undefined) throw new Misfit(409, "the client has announced no such device");
    const listed = parse(capabilities).get("properties").get("supportedDeploymentTypes") ?? [];
    const known = listed.map((name) => (NAMED_TYPES.includes(name) ? name : "custom"));
    if (!known.includes(type)) throw new Misfit(409, "the device does not list the type of the profile");
  }

  withdraw(deploymentId) {
    const deployment = this.deploymentWithId(deploymentId);
    const change = this.changeOf(deployment.client);
    change.withdraw(deployment);
    change.publish();
  }

  manifest(client) {
    return this.storage.get(key("client", client)).manifest;
  }

  // owner: the deployment id of a document, or `bundle`
  artifact(client, owner, digest) {
    const artifact = this.storage.get(key("artifact", client, owner.toLowerCase(), digest));
    return artifact && Buffer.from(artifact.base64, "base64");
  }

  // -> whether it is the first report of the deployment; report is the tree of text
  report(client, pathId, report, text) {
    const deployment = this.storage.get(key("deployment", client, pathId.toLowerCase()));
    if (deployment === undefined) throw new Misfit(404, "no such deployment");
    if (report.get("deploymentId").toLowerCase() !== deployment.deploymentId) {
      throw new Misfit(422, "is not the deployment id of the path", "/deploymentId");
    }
    const stranger = report.get("components").findIndex((entry) => !deployment.components.includes(entry.get("name")));
    if (stranger >= 0) throw new Misfit(422, "is no component of this deployment", `/components/${stranger}/name`);

    const version = report.get("adoptedManifestVersion").toBigInt();
    const reportKey = key("report", client, deployment.deploymentId);
    const shown = this.storage.get(reportKey);
    const commit = [];
    if (shown === undefined || version >= BigInt(shown.version)) {
      commit.push([reportKey, { text, version: String(version), arrivedAt: Date.now() }]);
    }
    const reported = BigInt(this.storage.get(key("reported", client)) ?? 0);
    if (version > reported && version < GREATEST_VERSION) commit.push([key("reported", client), String(version)]);
    if (commit.length > 0) this.storage.commit(commit);
    return shown === undefined;
  }

  // What the operator sees of a client, as JSON text that holds documents and reports as they were sent.
  view(client) {
    this.changeOf(client);
    const prefix = key("device", client, "");
    const devices = this.storage.keys(prefix).map((deviceKey) =>
      `{"deviceId":${JSON.stringify(deviceKey.slice(prefix.length))},"capabilities":${this.storage.get(deviceKey)}}`);
    const deployments = this.deploymentsOf(client).map(({ deploymentId, deviceId }) => {
      const report = this.storage.get(key("report", client, deploymentId));
      const age = report ? `,"ageSeconds":${Math.max(0, (Date.now() - report.arrivedAt) / 1000)}` : "";
      return `{"deploymentId":"${deploymentId}","deviceId":${JSON.stringify(deviceId)},"status":${report?.text ?? "null"}${age}}`;
    });
    return `{"devices":[${devices}],"deployments":[${deployments}]}`;
  }

  deploymentsOf(client) {
    return this.storage.keys(key("deployment", client, "")).map((found) => this.storage.get(found));
  }

  deploymentWithId(deploymentId) {
    const found = this.storage.keys("deployment ").find((candidate) => candidate.endsWith(` ${deploymentId.toLowerCase()}`));
    if (found === undefined) throw new Misfit(409, "no such deployment");
    return this.storage.get(found);
  }

  changeOf(client) {
    const record = this.storage.get(key("client", client));
    if (record === undefined) throw new Misfit(409, "no such client");
    return new Change(this.storage, client, record);
  }
}

// The changes of one order to one client, with the manifest that follows from them.
class Change {
  constructor(storage, clientId, record) {
    this.storage = storage;
    this.clientId = clientId;
    this.client = { ...record };
    this.entries = new Map();
  }

  set(name, value) {
    this.entries.set(name, value);
  }

  get(name) {
    return this.entries.has(name) ? this.entries.get(name) : this.storage.get(name);
  }

  keysWith(prefix) {
    const fresh = [...this.entries.keys()].filter((name) => name.startsWith(prefix));
    return [...new Set([...this.storage.keys(prefix), ...fresh])];
  }

  withdraw(deployment) {
    this.set(key("deployment", this.clientId, deployment.deploymentId), { ...deployment, withdrawn: true });
  }

  // Stores a document or a bundle under its digest, which it returns.
  keep(owner, bytes) {
    const digest = digestOf(bytes);
    this.set(key("artifact", this.clientId, owner, digest), { base64: bytes.toString("base64") });
    return digest;
  }

  commit() {
    this.set(key("client", this.clientId), this.client);
    this.storage.commit([...this.entries]);
  }

  // A new manifest if the desired state has changed, and the commit.
  publish() {
    const entries = this.wantedDocuments();
    const content = entries.map(({ deploymentId, digest }) => `${deploymentId} ${digest}`).sort().join("\n");
    if (content !== this.client.content || this.client.manifest === undefined) {
      const bundle = entries.length > 0 ? writeBundle(entries) : null;
      const version = this.nextVersion();
      const bundleDigest = bundle && this.keep("bundle", bundle);
      this.client = { ...this.client, version: String(version), content, manifest: writeManifest(version, entries, bundle) };
      this.ageArtifacts(new Set([bundleDigest, ...entries.map(({ digest }) => digest)]));
    }
    this.commit();
  }

  wantedDocuments() {
    return this.keysWith(key("deployment", this.clientId, "")).map((name) => this.get(name))
      .filter(({ withdrawn }) => !withdrawn)
      .map(({ deploymentId, digest }) => {
        const artifact = this.get(key("artifact", this.clientId, deploymentId, digest));
        return { deploymentId, digest, bytes: Buffer.from(artifact.base64, "base64") };
      });
  }

  nextVersion() {
    const reported = BigInt(this.storage.get(key("reported", this.clientId)) ?? 0);
    const version = latest(BigInt(this.client.version), BigInt(this.client.floor), reported) + 1n;
    if (version > GREATEST_VERSION) throw new Misfit(409, "the versions of this client are used up");
    return version;
  }

  // What no manifest names any more stays for a while, since an agent may be in the middle of it.
  ageArtifacts(namedDigests) {
    const now = Date.now();
    for (const name of this.keysWith(key("artifact", this.clientId, ""))) {
      const { replacedAt, ...artifact } = this.get(name);
      const isNamed = namedDigests.has(name.split(" ").at(-1));
      if (isNamed && replacedAt !== undefined) this.set(name, artifact);
      else if (!isNamed && replacedAt === undefined) this.set(name, { ...artifact, replacedAt: now });
      else if (!isNamed && now - replacedAt > KEPT_AFTER_REPLACEMENT_MS) this.set(name, null);
    }
  }
}
