// The three files of the operator: wos.pem (leaf, then intermediates), wos-key.pem and trust-bundle.pem.
// A trust bundle that was replaced by order counts until the file itself changes.

import { readFileSync, watchFile } from "node:fs";
import { join } from "node:path";
import { certificatesIn, isRoot, isWosId, spiffeIdOf } from "./identity.mjs";

const FILES = { svid: "wos.pem", key: "wos-key.pem", bundle: "trust-bundle.pem" };
const STORAGE_KEY = "trust-bundle";
const LOOK_EVERY_MS = 1000;

export class Trust {
  constructor(folder, storage) {
    this.folder = folder;
    this.storage = storage;
    this.load();
  }

  load() {
    const [svid, key, file] = Object.values(FILES).map((name) => readFileSync(join(this.folder, name), "utf8"));
    const order = this.storage.get(STORAGE_KEY);
    const bundle = order?.insteadOf === file ? order.bundle : file;
    const id = spiffeIdOf(certificatesIn(svid)[0]);
    if (!isWosId(id ?? "")) throw new Error(`${FILES.svid} does not carry the id of a WOS`);
    if (this.id !== undefined && this.id !== id) throw new Error(`${FILES.svid} carries another id than before`);
    Object.assign(this, { svid, key, file, bundle, id, roots: rootsIn(bundle) });
  }

  // -> whether it was accepted
  replaceBundle(bundle) {
    if (!isBundle(bundle)) return false;
    this.storage.commit([[STORAGE_KEY, { bundle, insteadOf: this.file }]]);
    this.load();
    return true;
  }

  onChange(act) {
    for (const name of Object.values(FILES)) watchFile(join(this.folder, name), { interval: LOOK_EVERY_MS }, act);
  }
}

function rootsIn(bundle) {
  const roots = certificatesIn(bundle).filter(isRoot);
  if (roots.length === 0) throw new Error("a trust bundle without a root is not accepted");
  return roots;
}

function isBundle(text) {
  try {
    return rootsIn(text).length > 0;
  } catch {
    return false;
  }
}
