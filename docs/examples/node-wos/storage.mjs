// A durable map from keys to JSON values: a journal of one line per commit, written through to the disk before it counts.
// A line that a sudden end has cut off was never acknowledged; it is dropped when the journal is read again.

import { closeSync, existsSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const SLACK_BYTES = 64 * 1024 * 1024;

export class Storage {
  constructor(path) {
    this.path = path;
    this.values = new Map(existsSync(path) ? completeLines(path).flatMap((line) => JSON.parse(line)) : []);
    this.compact();
  }

  get(key) {
    return this.values.get(key);
  }

  keys(prefix) {
    return [...this.values.keys()].filter((key) => key.startsWith(prefix));
  }

  // entries: [[key, value], …], all or none; null removes.
  commit(entries) {
    if (this.length > this.lengthAtStart + SLACK_BYTES) this.compact();
    this.append(entries);
    for (const [key, value] of entries) {
      if (value === null) this.values.delete(key);
      else this.values.set(key, value);
    }
  }

  append(entries) {
    const line = Buffer.from(`${JSON.stringify(entries)}\n`);
    try {
      writeAll(this.file, line);
      fdatasyncSync(this.file);
    } catch (error) {
      ftruncateSync(this.file, this.length);
      throw error;
    }
    this.length += line.length;
  }

  compact() {
    const fresh = `${this.path}.new`;
    if (this.file !== undefined) closeSync(this.file);
    this.file = openSync(fresh, "w", 0o600);
    this.length = 0;
    for (const [key, value] of this.values) {
      if (value === null) this.values.delete(key);
      else this.length += writeAll(this.file, Buffer.from(`${JSON.stringify([[key, value]])}\n`));
    }
    fsyncSync(this.file);
    renameSync(fresh, this.path);
    syncFolder(dirname(this.path));
    closeSync(this.file);
    this.file = openSync(this.path, "a", 0o600);
    this.lengthAtStart = this.length;
  }
}

function completeLines(path) {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.slice(0, -1);
}

function writeAll(file, bytes) {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
  return bytes.length;
}

function syncFolder(path) {
  const folder = openSync(path, "r");
  fsyncSync(folder);
  closeSync(folder);
}
